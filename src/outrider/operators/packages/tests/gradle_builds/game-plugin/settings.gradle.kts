rootProject.name = "game-plugin"
