rootProject.name = "protobuf"
