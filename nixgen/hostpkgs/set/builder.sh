source "$rigxSetup"
genericBuild
