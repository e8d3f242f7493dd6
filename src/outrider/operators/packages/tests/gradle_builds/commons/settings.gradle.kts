rootProject.name = "commons"
