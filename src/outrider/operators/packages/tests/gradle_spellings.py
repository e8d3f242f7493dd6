"""Draws scripts of Gradle in Groovy, in the many spellings of the same."""

from random import Random
from textwrap import indent

MODULES = ("com.acme:web", "com.acme:base", "org.other:lib", "org.other:tools.core", "io.third:a-b_c")
VERSIONS = ("1.0", "1.1.2", "2.0-beta1", "[1.0,2.0)", "1.+", "latest.release", "3.0.0.Final", "1.0!!", "[1.0,2.0[!!1.5")
CONFIGURATIONS = (
    "implementation", "compileOnly", "runtimeOnly", "annotationProcessor", "testImplementation", "testCompileOnly", "testRuntimeOnly",
    "testAnnotationProcessor",
)  # fmt: skip
NOISE = (
    "test { useJUnitPlatform() }", "tasks.named('test') { maxHeapSize = '1g' }", "description = \"It's $name\"", "/* { */ // '",
    "jar { manifest { attributes 'A': 'b', \"C\": version }\n from(configurations.runtimeClasspath) { exclude '*.SF' } }",
    "task extra(type: Copy, dependsOn: classes) { from 'x'; into \"$buildDir/y\" }", "def closed = { one, other -> \"$one/${other + '}'}\" }",
    "String helper(String text) {\n  return text.replaceAll(/[\"'{]+/, '')\n}", "if (project.hasProperty('slow')) { test { maxHeapSize = '2g' } }",
    "javadoc { options.addStringOption('Xdoclint:none', '-quiet') }", 'println "reading ${project.path}"', "afterEvaluate { jar { enabled = true } }",
    "def unknown = System.getenv('HOME') ?: 'x'", "sourceSets { main { java { srcDirs += 'src/more' } } }", "clean.doLast { println 'done' }",
    "tasks.withType(JavaCompile).configureEach { options.encoding = 'UTF-8'; options.compilerArgs << '-parameters' }",
    "defaultTasks 'clean',\n  'build'", "java { withSourcesJar() }", "def many = ['a', 'b'].collect { it + '!' }", "base { archivesName = 'it' }",
)  # fmt: skip
JAVAS = (
    "java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }", "java.toolchain.languageVersion.set(JavaLanguageVersion.of('17'))",
    "sourceCompatibility = '11'", "sourceCompatibility = 1.8\ntargetCompatibility = JavaVersion.VERSION_11", "java { sourceCompatibility = 17 }",
    "tasks.withType(JavaCompile).configureEach { options.release = 11 }", "java.targetCompatibility = JavaVersion.toVersion('16')",
    "java { sourceCompatibility = JavaVersion.VERSION_1_8 }\ncompileJava { options.release = 16 }\ncompileTestJava.options.release.set(16)",
    "tasks.withType(JavaCompile) {\n  sourceCompatibility = '9'\n  targetCompatibility = '9'\n}", "",
)  # fmt: skip


class Drawing:
    """Draws the script of one project, whose settings of properties are `fromFile = 1.4`.

    Args:
        random: Draws.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._known = ["fromFile"]
        self._is_groovy, self._number = False, 0

    def script(self) -> str:
        """Return a script."""
        random = self._random
        parts = [self._plugins(), *self._variables(), *self._repositories(), self._java()]
        later = [self._dependencies() for _ in range(random.randint(1, 3))]
        later += random.sample(NOISE, random.randint(0, 5))
        later += [self._configurations() for _ in range(random.randint(0, 3))] + [self._locking()]
        random.shuffle(later)
        return "\n".join(part for part in (*parts, *later) if part) + "\n"

    def _plugins(self) -> str:
        ids = self._random.sample(("java", "application", "groovy", "idea", "maven-publish"), 2)
        if not {"java", "application", "groovy"} & set(ids):
            ids.append("java")
        self._is_groovy = "groovy" in ids
        spelled = self._random.choice(("plugins", "apply", "both"))
        if spelled == "plugins":
            return "plugins {\n" + "".join(f"    id {self._quoted(one)}\n" for one in ids) + "}"
        if spelled == "apply":
            forms = ("apply plugin: '{}'", 'apply(plugin: "{}")', "apply {{ plugin '{}' }}")
            return "\n".join(self._random.choice(forms).format(one) for one in ids)
        return f"plugins {{ id('{ids[0]}') }}\n" + "".join(f"apply plugin: '{one}'\n" for one in ids[1:])

    def _java(self) -> str:
        # With the plugin for Groovy it counts what is compiled for all together.
        of_all = [one for one in JAVAS if "ompileJava" not in one and "JavaCompile" not in one]
        return self._random.choice(of_all if self._is_groovy else JAVAS)

    def _variables(self) -> list[str]:
        found = []
        for number in range(self._random.randint(0, 4)):
            name, version = f"v{number}", self._random.choice(VERSIONS[:4])
            form = self._random.choice(
                (
                    "def {n} = {v}", "ext.{n} = {v}", "ext {{\n  {n} = {v}\n}}", "final String {n} = {v}", "ext.set('{n}', {v})",
                    "ext['{n}'] = {v}", "def {n}\n{n} = {v}", "project.ext.{n} = {v}",
                )
            )  # fmt: skip
            found.append(form.format(n=name, v=self._quoted(version)))
            self._known.append(name)
        if self._random.random() < 0.4:
            found.append(f"def m = [a: '1.7', 'b-c': {self._quoted('1.8')}, deep: [d: '1.9']]")
            self._known += ["m.a", "m['b-c']", "m.deep.d"]
        return found

    def _repositories(self) -> list[str]:
        forms = (
            "repositories { mavenCentral() }", "repositories.mavenCentral()", "repositories {\n  maven { url 'https://a.example.com' }\n}",
            "repositories { maven { url = uri('https://a.example.com'); name = 'x' }\n  mavenCentral() }",
        )  # fmt: skip
        return [self._random.choice(forms)]

    def _quoted(self, text: str) -> str:
        quote = self._random.choice(("'", '"', "'", '"', "'''", '"""'))
        return f"{quote}{text}{quote}"

    def _version(self) -> tuple[str, str]:
        """Return a version as it is put into a text between double quotation marks, and as an expression."""
        if self._random.random() < 0.5:
            version = self._random.choice(VERSIONS)
            return version, self._quoted(version)
        name = self._random.choice(self._known)
        forms = ["${%s}"]
        if name.isalnum():
            forms.append("$%s")
        if name == "fromFile":
            forms += ["${project.%s}", "${ %s }"]
        return self._random.choice(forms) % name, name

    def _notation(self) -> str:
        group, name = self._random.choice(MODULES).split(":")
        inside, alone = self._version()
        random, said = self._random, self._random.choice(("'2.1'", alone if "!!" not in alone else "'2.2'"))
        more = random.choice(
            (", classifier: 'x'", ", ext: 'zip'", ", transitive: false", ", classifier: 'y', ext: 'tar'")
        )
        return random.choice(
            (
                self._quoted(f"{group}:{name}"), f"group: {self._quoted(group)}, name: '{name}', version: {said}",
                f"[group: '{group}', name: {self._quoted(name)}, version: {said}]", f"'{group}:{name}:' + {alone}",
                f'"{group}:{name}:{inside}:{random.choice(("linux", "jdk15"))}"', f'"{group}:{name}:{inside}@{random.choice(("jar", "zip"))}"',
                f"group: '{group}', name: '{name}', version: {said}{more}", f'"{group}:{name}:{inside}"', f'"{group}:{name}:{inside}"',
            )
        )  # fmt: skip

    def _block(self) -> str:
        group, name = self._random.choice(MODULES).split(":")
        forms = (
            f"exclude group: '{group}'", f"exclude group: '{group}', module: {self._quoted(name)}", f"exclude(module: '{name}')", "because 'x'",
            "transitive = false", "transitive = true", "version { " + "; ".join(self._rich() for _ in range(self._random.randint(1, 3))) + " }",
            "version {\n  " + self._rich() + "\n}",
        )  # fmt: skip
        return "\n".join(self._random.sample(forms, self._random.randint(1, 3)))

    def _rich(self) -> str:
        version = self._random.choice(VERSIONS[:5])
        return self._random.choice(
            (f"strictly '{version}'", f"require('{version}')", f'prefer "{version}"', f"reject '{version}', '9'", "rejectAll()", f"strictly {self._random.choice(self._known)}")
        )  # fmt: skip

    def _call(self, name: str) -> str:
        notation, random = self._notation(), self._random
        is_map = notation.startswith("group:")
        if random.random() < 0.15 and not is_map and not any(one in notation for one in ("@", "linux", "jdk15")):
            return f"{name}({random.choice(('platform', 'enforcedPlatform'))}({notation}))"
        if random.random() < 0.35:
            return f"{name}({notation}) {{\n{indent(self._block(), '    ')}\n}}"
        if random.random() < 0.2 and not is_map and not notation.startswith("["):
            return f"{name} {notation},\n    {self._quoted('com.acme:more:1')}"
        forms = (f"{name}({notation})", f"{name} ({notation})", f"{name} {notation}")
        return random.choice(forms[:2] if notation.startswith("[") else forms)

    def _dependencies(self) -> str:
        random = self._random
        lines = [self._call(random.choice(CONFIGURATIONS)) for _ in range(random.randint(0, 5))]
        if random.random() < 0.3:
            lines.append("implementation files('libs/x.jar'), fileTree(dir: 'libs', include: '*.jar')")
        if random.random() < 0.3:
            lines.append(f"add('{random.choice(CONFIGURATIONS)}', 'com.acme:added:1')")
        if random.random() < 0.4:
            lines.append(f"constraints {{\n{indent(self._constraint(), '    ')}\n}}")
        if random.random() < 0.2:
            lines.insert(0, "def inner = '4.2'\nimplementation \"com.acme:inner:$inner\"")
        return "dependencies {\n" + indent("\n".join(lines), "    ") + "\n}"

    def _constraint(self) -> str:
        module, version = self._random.choice(MODULES), self._random.choice(VERSIONS)
        name = self._random.choice(CONFIGURATIONS)
        more = "" if self._random.random() < 0.5 else f" {{ version {{ {self._rich()} }} }}"
        return f"{name}('{module}:{version}'){more}"

    def _configurations(self) -> str:
        group, name = self._random.choice(MODULES).split(":")
        number = self._number = self._number + 1
        return self._random.choice(
            (
                f"configurations {{ all {{ exclude group: '{group}', module: '{name}' }} }}", f"configurations.all {{ exclude group: '{group}' }}",
                f"configurations {{ all*.exclude module: '{name}' }}", f"configurations.implementation {{ exclude group: '{group}' }}",
                f"configurations {{ testImplementation.exclude group: '{group}' }}", f"configurations.named('runtimeOnly') {{ exclude(module: '{name}') }}",
                f"configurations.configureEach {{\n  resolutionStrategy {{\n    force '{group}:{name}{number}:1.0', 'a:b:2', 'a:b:2'\n  }}\n}}",
                f'configurations.all {{ resolutionStrategy.force("{group}:{name}{number}:$fromFile") }}', f"configurations.all {{ it.exclude group: '{group}' }}",
                f"configurations.all {{ resolutionStrategy.forcedModules = ['{group}:{name}:5'] }}", "configurations.all { resolutionStrategy.cacheChangingModulesFor 0, 'seconds' }",
            )
        )  # fmt: skip

    def _locking(self) -> str:
        return self._random.choice(
            (
                "dependencyLocking { lockAllConfigurations() }", "dependencyLocking.lockAllConfigurations()", "",
                "configurations.all { resolutionStrategy.activateDependencyLocking() }",
                "configurations {\n  compileClasspath { resolutionStrategy.activateDependencyLocking() }\n}",
                "configurations.runtimeClasspath.resolutionStrategy.activateDependencyLocking()",
                "configurations.named('testRuntimeClasspath') { resolutionStrategy { activateDependencyLocking() } }",
                "dependencyLocking {\n  lockMode = LockMode.LENIENT\n  ignoredDependencies.add('com.acme:*')\n  lockFile = file(\"$projectDir/locks/x.lockfile\")\n}",
            )
        )  # fmt: skip
