package control

import (
	"encoding/json"
	"fmt"
)

// A client sends requests, one JSON value a line, and gets for each the answer
// with the same id, in the order of the requests:
//
//	→ {"id":1,"method":"hello","params":{}}
//	← {"id":1,"result":{"session":"5e1f…","version":1}}
//	→ {"id":2,"method":"network.open","params":{"subnet":"127.0.10.0/24"}}
//	← {"id":2,"result":{"network":1,"seed":42}}
//	→ {"id":3,"method":"network.link","params":{"network":1,"src":"a","dst":"b","port":1}}
//	← {"id":3,"error":{"code":"value","message":"declare `b` before linking to it"}}
//
// Output comes in pieces before the answer: {"id":4,"stream":"stdout","data":"aGkK"},
// with base64 data.
type request struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type answer struct {
	ID     int64   `json:"id"`
	Result any     `json:"result,omitempty"`
	Error  *Error  `json:"error,omitempty"`
	Stream string  `json:"stream,omitempty"`
	Data   *[]byte `json:"data,omitempty"`
}

// Bounds on what a client may ask for.
const (
	// MaxMessage is how long a line may be, in bytes.
	MaxMessage = 4 << 20
	// MaxConnections is how many connections may be open at once.
	MaxConnections = 512
	// maxOwned is how many networks, capsules and the like a session may own.
	maxOwned = 10_000
	// protocolVersion changes when clients would notice.
	protocolVersion = 1
)

// Codes of errors, by which clients choose an exception.
const (
	// CodeValue says that a parameter cannot be; nothing was done.
	CodeValue = "value"
	// CodeTimeout says that something did not happen in time.
	CodeTimeout = "timeout"
	// CodeUnsupported says that this kind of capsule, or this system, has no such thing.
	CodeUnsupported = "unsupported"
	// CodeFailed says that something went wrong.
	CodeFailed = "failed"
	// CodeProtocol says that the message was no request.
	CodeProtocol = "protocol"
)

// Error is what a request fails with.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

func invalid(format string, args ...any) *Error {
	return &Error{CodeValue, fmt.Sprintf(format, args...)}
}
