import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.maven.artifact.versioning.ComparableVersion;
import org.apache.maven.artifact.versioning.DefaultArtifactVersion;
import org.apache.maven.artifact.versioning.InvalidVersionSpecificationException;
import org.apache.maven.artifact.versioning.VersionRange;

/** Answers questions about versions by Maven's own rules: three words between tabs each in, one character each out. */
final class Oracle {
    // Maven compares any texts, but refuses a project whose version is empty before it would compare it.
    private static boolean isVersion(String text) {
        return !text.isEmpty();
    }

    private static char order(String left, String right) {
        if (!isVersion(left) || !isVersion(right)) return '!';
        int answer = new ComparableVersion(left).compareTo(new ComparableVersion(right));
        return answer < 0 ? '<' : answer > 0 ? '>' : '=';
    }

    private static char allows(String range, String version) {
        if (!isVersion(version)) return '!';
        try {
            VersionRange allowed = VersionRange.createFromVersionSpec(range);
            return allowed.containsVersion(new DefaultArtifactVersion(version)) ? 'y' : 'n';
        } catch (InvalidVersionSpecificationException wrong) {
            return '!';
        }
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        StringBuilder answers = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t", -1);
            answers.append(words[0].equals("order") ? order(words[1], words[2]) : allows(words[1], words[2])).append('\n');
        }
        new PrintStream(System.out, true, UTF_8).print(answers);
    }
}
