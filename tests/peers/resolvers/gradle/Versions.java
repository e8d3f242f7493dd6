import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.util.List;
import org.gradle.api.artifacts.ComponentMetadata;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.parser.MavenVersionUtils;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.DefaultVersionComparator;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.DefaultVersionSelectorScheme;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.MavenVersionSelectorScheme;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.Version;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.VersionParser;
import org.gradle.api.internal.artifacts.ivyservice.ivyresolve.strategy.VersionSelector;

/**
 * Answers questions about versions by Gradle's own rules: three words between tabs each in, one line out.
 *
 * <p>`order A B`, `accepts SELECTOR VERSION`, `inverse SELECTOR VERSION`, `base VERSION`, `static TEXT`, `dynamic TEXT`,
 * `status VERSION`, `pom TEXT`.
 */
final class Versions {
    private static final VersionParser PARSER = new VersionParser();
    private static final DefaultVersionComparator ORDER = new DefaultVersionComparator();
    private static final DefaultVersionSelectorScheme SCHEME = new DefaultVersionSelectorScheme(ORDER, PARSER);
    private static final List<String> STATUSES = List.of("integration", "milestone", "release");

    // A module of Maven, as far as selectors look at one.
    private static boolean accepts(VersionSelector selector, String version) {
        if (!selector.requiresMetadata()) return selector.accept(PARSER.transform(version));
        Object module = Proxy.newProxyInstance(Versions.class.getClassLoader(), new Class<?>[] {ComponentMetadata.class},
            (self, method, given) -> method.getName().equals("getStatusScheme") ? STATUSES : MavenVersionUtils.inferStatusFromVersionNumber(version));
        return selector.accept((ComponentMetadata) module);
    }

    private static String order(String left, String right) {
        int answer = ORDER.asVersionComparator().compare(PARSER.transform(left), PARSER.transform(right));
        return answer < 0 ? "<" : answer > 0 ? ">" : "=";
    }

    private static String yes(boolean is) {
        return is ? "y" : "n";
    }

    private static String base(String text) {
        Version version = PARSER.transform(text);
        return version.getBaseVersion().getSource() + (version.isQualified() ? " qualified" : "");
    }

    private static String answer(String kind, String one, String two) {
        return switch (kind) {
            case "order" -> order(one, two);
            case "accepts" -> yes(accepts(SCHEME.parseSelector(one), two));
            case "inverse" -> yes(accepts(SCHEME.complementForRejection(SCHEME.parseSelector(one)), two));
            case "base" -> base(one);
            case "dynamic" -> yes(SCHEME.parseSelector(one).isDynamic());
            case "status" -> MavenVersionUtils.inferStatusFromVersionNumber(one);
            case "pom" -> SCHEME.renderSelector(new MavenVersionSelectorScheme(SCHEME).parseSelector(one));
            default -> throw new IllegalArgumentException(kind);
        };
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        StringBuilder answers = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t", -1);
            answers.append(answer(words[0], words[1], words[2])).append('\n');
        }
        new PrintStream(System.out, true, UTF_8).print(answers);
    }
}
