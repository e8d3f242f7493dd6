plugins { `java-platform` }
dependencies { constraints { api("org.opentest4j:opentest4j:1.3.0") } }
