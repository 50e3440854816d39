package syntax

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// scalar reads a value without quotes or brackets.
func (p *parser) scalar(v *Value) {
	start := p.pos
	end := p.scalarEnd(start)
	text := p.text[start:end]
	kind, problem := p.classify(text)
	if problem != "" {
		p.invalid(v, problem)
		return
	}
	v.Kind = kind
	v.Text = text
	p.take(scalarTokens[kind], end)
}

var scalarTokens = [...]TokenKind{
	Integer:  TokenNumber,
	Float:    TokenNumber,
	Boolean:  TokenBoolean,
	Datetime: TokenDatetime,
}

// scalarEnd is the end of the scalar at i. Only between a date and a time it
// may contain a space.
func (p *parser) scalarEnd(i int) int {
	start := i
	for ; i < len(p.text); i++ {
		if classes[p.text[i]]&delimiter == 0 {
			continue
		}
		if i-start != len("2006-01-02") || p.text[i] != ' ' || p.text[start+4] != '-' ||
			i+1 == len(p.text) || !isDigit(p.text[i+1]) {
			break
		}
	}
	return i
}

// classify finds out what a scalar is, or what is wrong with it.
func (p *parser) classify(text string) (kind Kind, problem string) {
	switch {
	case text == "":
		return Invalid, "is not a value"
	case text == "true", text == "false":
		return Boolean, ""
	case isPlainInteger(text):
		return Integer, ""
	case isDigit(text[0]), text[0] == '+', text[0] == '-', text == "inf", text == "nan":
		return p.classifyNumber(text)
	}
	return Invalid, "is not a value"
}

// isPlainInteger reports whether text is a decimal number that certainly fits.
func isPlainInteger(text string) bool {
	if len(text) > 18 || text[0] == '0' && len(text) > 1 {
		return false
	}
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return true
}

// classifyNumber leaves the rules of numbers and dates to go-toml.
func (p *parser) classifyNumber(text string) (kind Kind, problem string) {
	p.judged = append(append(p.judged[:0], "x = "...), text...)
	p.judge.Reset(p.judged)
	accepted := p.judge.NextExpression() && p.judge.Error() == nil
	if !accepted {
		if strings.Count(text, "-") >= 2 || strings.IndexByte(text, ':') > 0 {
			return Invalid, "is not a date or time"
		}
		return Invalid, "is not a number"
	}
	switch p.judge.Expression().Value().Kind {
	case unstable.Integer:
		if _, err := strconv.ParseInt(text, 0, 64); err != nil {
			return Invalid, "does not fit into 64 bits"
		}
		return Integer, ""
	case unstable.Float:
		return Float, ""
	default:
		// The parser only delimits dates; they are judged when decoded.
		if err := toml.Unmarshal(p.judged, &map[string]any{}); err != nil {
			return Invalid, "is not a date or time"
		}
		return Datetime, ""
	}
}

// invalid consumes what stands in place of a value, and all that seems to
// belong to it.
func (p *parser) invalid(v *Value, problem string) {
	start, end := p.pos, p.invalidEnd(p.pos)
	v.Kind = Invalid
	v.Text = p.text[start:end]
	p.take(TokenInvalid, end)
	switch {
	case p.checkText(start, end, outside):
	case strings.IndexByte(",=]}", p.text[start]) >= 0:
		p.fail(start, start+1, "expected a value, found "+excerpt(p.text[start:start+1]), "")
	default:
		p.fail(start, end, excerpt(v.Text)+" "+problem, invalidHint(v.Text))
	}
}

// invalidEnd is the end of the text at i that is no value. In an array or
// inline table it reaches to the next comma or bracket, else to the end of
// the line.
func (p *parser) invalidEnd(i int) int {
	if p.depth == 0 {
		return max(p.skippedEnd(i), runeEnd(p.text, i))
	}
	end := lineEnd(p.text, i)
	if n := strings.IndexAny(p.text[i:end], ",]}#\"'"); n >= 0 {
		end = i + n
	}
	return max(trimSpace(p.text, i, end), runeEnd(p.text, i))
}

// invalidHint says what could be meant by text that is no value.
func invalidHint(text string) string {
	switch word := strings.ToLower(text); word {
	case "true", "false", "inf", "nan":
		return "write `" + word + "`"
	case "yes", "on":
		return "write `true`, or put text in quotes"
	case "no", "off":
		return "write `false`, or put text in quotes"
	case "null", "nil", "none":
		return "TOML has no null; leave the key out"
	}
	if strings.ContainsAny(text, "\"'`{}[](),=") || len(text) > 40 {
		return "put text in quotes"
	}
	return "put text in quotes: " + Quote(text)
}
