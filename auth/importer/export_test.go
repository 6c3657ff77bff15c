package importer

// Errors of Run that commands only print.
var (
	ErrRunning  = errRunning
	ErrNobody   = errNobody
	ErrLockLost = errLockLost
)
