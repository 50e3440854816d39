package diagnostic

import (
	"slices"
	"strings"
)

// Code identifies a kind of diagnostic for good; a code is never reused for
// something else. E codes are errors, W codes warnings.
type Code string

// Severity of a code follows from its letter.
func (c Code) Severity() Severity {
	if strings.HasPrefix(string(c), "W") {
		return Warning
	}
	return Error
}

// The codes. E00: the text; E01: the shape of the data; E02: names; E03: files
// and places; E04: the host; E05: Nix and running things; E06: capsules.
const (
	Syntax               Code = "E0001"
	Duplicate            Code = "E0002"
	Encoding             Code = "E0003"
	Unreadable           Code = "E0004"
	Unwritable           Code = "E0005"
	WrongType            Code = "E0101"
	MissingField         Code = "E0102"
	UnknownKind          Code = "E0103"
	OutOfRange           Code = "E0104"
	BadValue             Code = "E0105"
	BadName              Code = "E0106"
	NotForKind           Code = "E0107"
	Misplaced            Code = "E0108"
	TooOld               Code = "E0109"
	MixedLanguages       Code = "E0110"
	UnknownVariable      Code = "E0201"
	UnknownVariant       Code = "E0202"
	UnknownTarget        Code = "E0203"
	UnknownGit           Code = "E0204"
	UnknownExternal      Code = "E0205"
	UnknownReference     Code = "E0206"
	Cycle                Code = "E0207"
	NotBuildable         Code = "E0208"
	Collision            Code = "E0209"
	Redefined            Code = "E0210"
	BadInterpolation     Code = "E0211"
	NotAProgram          Code = "E0212"
	UnknownNode          Code = "E0213"
	MissingFile          Code = "E0301"
	EmptyGlob            Code = "E0302"
	OutsideProject       Code = "E0303"
	BadGlob              Code = "E0304"
	IncludeCycle         Code = "E0305"
	NotInBaseline        Code = "E0306"
	MissingModule        Code = "E0307"
	MissingLocal         Code = "E0308"
	ExternalUnset        Code = "E0401"
	ExternalMissing      Code = "E0402"
	NoProject            Code = "E0501"
	NixMissing           Code = "E0502"
	NixFailed            Code = "E0503"
	HostMissing          Code = "E0504"
	NoPackage            Code = "E0505"
	LockFailed           Code = "E0506"
	CannotWatch          Code = "E0507"
	HashMismatch         Code = "E0508"
	UnknownRemote        Code = "E0509"
	CopyFailed           Code = "E0510"
	StoreUnreachable     Code = "E0511"
	ForeignSystem        Code = "E0512"
	TestbedFailed        Code = "E0520"
	NoRevision           Code = "E0530"
	NoHost               Code = "E0531"
	HostFailed           Code = "E0532"
	NoProfile            Code = "E0533"
	CapsuleNotBuilt      Code = "E0601"
	EngineMissing        Code = "E0602"
	Taken                Code = "E0603"
	CapsuleFailed        Code = "E0604"
	CapsuleCannot        Code = "E0605"
	CapsuleUnknown       Code = "E0606"
	UnknownSection       Code = "W0001"
	UnknownField         Code = "W0002"
	IgnoredField         Code = "W0003"
	ListedTwice          Code = "W0004"
	UnpinnedExternal     Code = "W0005"
	ShadowedByTarget     Code = "W0006"
	UnusedVariable       Code = "W0007"
	LooksLikeTarget      Code = "W0008"
	GitignoreUnavailable Code = "W0009"
	ShellSyntax          Code = "W0010"
	UndeclaredProgram    Code = "W0011"
	LeadsOutside         Code = "W0012"
)

// Explanation is what `rigx explain CODE` prints.
type Explanation struct {
	Code  Code
	Title string
	// Text is Markdown: what is wrong, why it matters, how to mend it.
	Text string
}

// Explain returns the explanation of a code, in any letter case.
func Explain(code string) (Explanation, bool) {
	i, ok := slices.BinarySearchFunc(explanations, strings.ToUpper(code), func(e Explanation, want string) int {
		return strings.Compare(string(e.Code), want)
	})
	if !ok {
		return Explanation{}, false
	}
	return explanations[i], true
}

// Explanations returns all of them, sorted by code.
func Explanations() []Explanation { return slices.Clone(explanations) }
