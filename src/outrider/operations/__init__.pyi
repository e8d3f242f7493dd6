from outrider.operations import host as host
from outrider.operations import kubernetes as kubernetes
from outrider.operations import packages as packages
