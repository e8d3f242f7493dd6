from outrider.operations import host as host
from outrider.operations import kubernetes as kubernetes
