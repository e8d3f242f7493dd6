from outrider.operations import host as host
