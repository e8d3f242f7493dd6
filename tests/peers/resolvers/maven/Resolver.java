import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.TreeSet;
import org.apache.maven.repository.internal.MavenRepositorySystemUtils;
import org.eclipse.aether.DefaultRepositorySystemSession;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.collection.DependencyCollectionException;
import org.eclipse.aether.graph.DependencyNode;
import org.eclipse.aether.impl.DefaultServiceLocator;
import org.eclipse.aether.repository.LocalRepository;
import org.eclipse.aether.resolution.ArtifactDescriptorException;
import org.eclipse.aether.resolution.ArtifactDescriptorRequest;
import org.eclipse.aether.resolution.ArtifactDescriptorResult;
import org.eclipse.aether.util.version.GenericVersionScheme;
import org.eclipse.aether.version.InvalidVersionSpecificationException;

/**
 * What Maven's own resolver chooses. Each line of the input is one question:
 * "graph FOLDER" for the project asked:asked:1 of a repository in a folder, answered by its artifacts, or by ! and why there are none;
 * "order A B" and "range RANGE VERSION" between tabs, answered by one character.
 */
final class Resolver {
    private static final GenericVersionScheme SCHEME = new GenericVersionScheme();

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        RepositorySystem system = system();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t", -1);
            out.print(switch (words[0]) {
                case "graph" -> graph(system, words[1]);
                case "order" -> order(words[1], words[2]);
                default -> allows(words[1], words[2]);
            });
            out.print('\n');
        }
        out.flush();
    }

    private static RepositorySystem system() {
        DefaultServiceLocator locator = MavenRepositorySystemUtils.newServiceLocator();
        return locator.getService(RepositorySystem.class);
    }

    private static String order(String left, String right) throws InvalidVersionSpecificationException {
        int answer = SCHEME.parseVersion(left).compareTo(SCHEME.parseVersion(right));
        return answer < 0 ? "<" : answer > 0 ? ">" : "=";
    }

    private static String allows(String range, String version) {
        try {
            return SCHEME.parseVersionConstraint(range).containsVersion(SCHEME.parseVersion(version)) ? "y" : "n";
        } catch (InvalidVersionSpecificationException wrong) {
            return "!";
        }
    }

    private static String graph(RepositorySystem system, String folder) throws Exception {
        DefaultRepositorySystemSession session = MavenRepositorySystemUtils.newSession();
        session.setOffline(true);
        session.setIgnoreArtifactDescriptorRepositories(true);
        session.setLocalRepositoryManager(system.newLocalRepositoryManager(session, new LocalRepository(new File(folder))));
        Artifact root = new DefaultArtifact("asked:asked:pom:1");
        ArtifactDescriptorResult project;
        try {
            project = system.readArtifactDescriptor(session, new ArtifactDescriptorRequest(root, null, null));
        } catch (ArtifactDescriptorException error) {
            return "!" + error.getClass().getSimpleName();
        }
        if (project.getDependencies().isEmpty()) return "!InvalidProject";
        CollectRequest request = new CollectRequest();
        request.setRootArtifact(root);
        request.setDependencies(project.getDependencies());
        request.setManagedDependencies(project.getManagedDependencies());
        TreeSet<String> found = new TreeSet<>();
        try {
            add(system.collectDependencies(session, request).getRoot(), found);
        } catch (DependencyCollectionException error) {
            String why = error.getResult().getExceptions().get(0).getClass().getSimpleName();
            return "!" + why;
        } catch (StackOverflowError error) {
            return "!" + error.getClass().getSimpleName(); // a POM and a BOM move an artifact to and fro
        }
        return String.join(" ", found);
    }

    private static void add(DependencyNode node, TreeSet<String> found) {
        for (DependencyNode child : node.getChildren()) {
            Artifact one = child.getArtifact();
            String key = String.join(":", one.getGroupId(), one.getArtifactId(), one.getExtension(), one.getClassifier(), one.getVersion());
            if (found.add(key + ":" + child.getDependency().getScope() + ":" + child.getDependency().isOptional())) add(child, found);
        }
    }
}
