import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import org.gradle.api.internal.StartParameterInternal;
import org.gradle.api.logging.LogLevel;
import org.gradle.initialization.DefaultBuildCancellationToken;
import org.gradle.initialization.DefaultBuildRequestContext;
import org.gradle.initialization.DefaultBuildRequestMetaData;
import org.gradle.initialization.NoOpBuildEventConsumer;
import org.gradle.internal.buildprocess.BuildProcessState;
import org.gradle.internal.classpath.ClassPath;
import org.gradle.internal.instrumentation.agent.AgentStatus;
import org.gradle.internal.logging.LoggingManagerInternal;
import org.gradle.internal.logging.services.LoggingServiceRegistry;
import org.gradle.internal.nativeintegration.services.NativeServices;
import org.gradle.internal.service.ServiceRegistry;
import org.gradle.internal.watch.registry.WatchMode;
import org.gradle.launcher.exec.BuildExecutor;
import org.gradle.launcher.exec.DefaultBuildActionParameters;
import org.gradle.tooling.internal.provider.action.ExecuteBuildAction;

/**
 * Runs whole builds as Gradle's daemon does, one after the other: a line of five words between tabs in, and one word out.
 *
 * <p>The words are `lock` or `verify` or `strict`, the folder of the build, the file that the script beside this writes what
 * came of it into, a repository in place of Maven Central or nothing, and with commas between them the modules whose locks
 * are to be updated. What Gradle says otherwise goes to the standard error.
 */
final class Builds {
    private final File home;
    private final File script;
    private final BuildExecutor executor;

    private Builds(File home, File script) {
        this.home = home;
        this.script = script;
        NativeServices.initializeOnDaemon(home, NativeServices.NativeServicesMode.ENABLED);
        ServiceRegistry logging = LoggingServiceRegistry.newCommandLineProcessLogging();
        LoggingManagerInternal manager = logging.getFactory(LoggingManagerInternal.class).create();
        manager.captureSystemSources();
        manager.attachSystemOutAndErr();
        manager.start();
        ServiceRegistry[] parents = {logging, NativeServices.getInstance()};
        executor = new BuildProcessState(true, AgentStatus.disabled(), ClassPath.EMPTY, parents).getServices().get(BuildExecutor.class);
    }

    private StartParameterInternal start(String[] words) {
        StartParameterInternal start = new StartParameterInternal();
        start.setGradleUserHomeDir(home);
        start.setCurrentDir(new File(words[1]));
        start.setTaskNames(List.of("outriderAnswers"));
        start.addInitScript(script);
        // Files change between two builds that follow one another at once.
        start.setWatchFileSystemMode(WatchMode.DISABLED);
        start.setWriteDependencyLocks(words[0].equals("lock"));
        if (!words[4].isEmpty()) start.setLockedDependenciesToUpdate(List.of(words[4].split(",")));
        start.setProjectProperties(
            Map.of("outriderAnswers", words[2], "outriderRepository", words[3], "outriderStrict", String.valueOf(words[0].equals("strict"))));
        return start;
    }

    private boolean run(String[] words) {
        var parameters =
            new DefaultBuildActionParameters(Map.of(), System.getenv(), new File(words[1]), LogLevel.LIFECYCLE, true, ClassPath.EMPTY);
        var context = new DefaultBuildRequestContext(
            new DefaultBuildRequestMetaData(System.currentTimeMillis()), new DefaultBuildCancellationToken(), new NoOpBuildEventConsumer());
        return !executor.execute(new ExecuteBuildAction(start(words)), parameters, context).hasFailure();
    }

    private static void serve(File home, File script) throws IOException {
        PrintStream answers = System.out;
        System.setOut(System.err);
        Builds builds = new Builds(home, script);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(builds.run(line.split("\t", -1)) ? "done" : "failed");
            answers.flush();
        }
    }

    // Threads of Gradle would keep the process alive, whatever became of this one.
    public static void main(String[] arguments) {
        int status = 1;
        try {
            serve(new File(arguments[0]), new File(arguments[1]));
            status = 0;
        } catch (IOException wrong) {
            wrong.printStackTrace();
        } finally {
            System.exit(status);
        }
    }
}
