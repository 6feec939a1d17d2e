package disk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// parser reads strace's log.
type parser struct {
	recording *Recording
	names     map[string]*file // current
	open      map[int]*handle  // of the folder
	begun     map[int]*call    // by thread: calls that have not returned
	last      map[int]*call    // by thread: the call that returned last
}

// handle is an open file or folder.
type handle struct {
	file   *file
	dir    string // of a folder: its path
	offset int64
	append bool
}

// call is one system call.
type call struct {
	name   string
	args   []byte
	result string
	at     time.Time // when it returned
	began  int       // how many calls had returned when it began
}

func newParser(folder string, before map[string]existing) *parser {
	p := &parser{recording: &Recording{folder: folder, before: before, doubt: map[string]bool{}},
		names: map[string]*file{}, open: map[int]*handle{}, begun: map[int]*call{}, last: map[int]*call{}}
	for path, was := range before {
		if was.file != nil {
			p.names[path] = was.file
		}
	}
	return p
}

func (p *parser) read(log io.Reader) error {
	lines := bufio.NewReaderSize(log, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := p.line(bytes.TrimRight(line, "\n")); err != nil {
			return fmt.Errorf("line %d of the recording, %.120q: %w", n, line, err)
		}
	}
	for _, c := range p.begun {
		p.suspect(c)
	}
	// Of a thread that is killed in a call, the result that is read may be any number.
	for _, c := range p.last {
		p.suspect(c)
	}
	return nil
}

// line reads "THREAD SECONDS NAME(ARGUMENTS) = RESULT <TIME>", or one of its halves where other calls came
// between.
func (p *parser) line(line []byte) error {
	word, rest, _ := bytes.Cut(line, []byte(" "))
	thread, err := strconv.Atoi(string(word))
	if err != nil {
		return err
	}
	word, rest, _ = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	at, err := parseTime(word)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(rest, []byte("+++")) || bytes.HasPrefix(rest, []byte("---")) {
		return nil
	}
	if resumed, ok := bytes.CutPrefix(rest, []byte("<... ")); ok {
		return p.resume(thread, at, resumed)
	}
	name, rest, ok := bytes.Cut(rest, []byte("("))
	if !ok {
		return errors.New("no call")
	}
	c := &call{name: string(name), began: len(p.recording.ops)}
	if c.name == "close" {
		p.close(rest) // by the time it returns, the number may be another file's
	}
	if args, ok := bytes.CutSuffix(rest, []byte(" <unfinished ...>")); ok {
		c.args = bytes.Clone(args)
		p.begun[thread] = c
		return nil
	}
	var took time.Duration
	c.args, c.result, took = split(rest)
	if c.result == "?" {
		p.suspect(c)
		return nil
	}
	c.at = at.Add(took)
	p.last[thread] = c
	return p.done(c)
}

func (p *parser) resume(thread int, at time.Time, rest []byte) error {
	c := p.begun[thread]
	delete(p.begun, thread)
	_, rest, ok := bytes.Cut(rest, []byte("resumed>"))
	if c == nil || !ok {
		return errors.New("resumed, and never begun")
	}
	var more []byte
	more, c.result, _ = split(rest)
	c.args = append(c.args, more...)
	c.at = at
	if c.result == "?" {
		p.suspect(c)
		return nil
	}
	p.last[thread] = c
	return p.done(c)
}

// split takes the end of a call apart: "ARGUMENTS) = RESULT <TIME>", with blanks before the "=" of a short one.
func split(rest []byte) (args []byte, result string, took time.Duration) {
	at := bytes.LastIndex(rest, []byte(" = "))
	if at < 0 {
		return bytes.TrimRight(rest, ") "), "?", 0
	}
	tail := string(rest[at+len(" = "):])
	if open := strings.LastIndex(tail, " <"); open >= 0 {
		seconds, _ := strconv.ParseFloat(strings.Trim(tail[open:], " <>"), 64)
		took = time.Duration(seconds * float64(time.Second))
		tail = tail[:open]
	}
	result, _, _ = strings.Cut(tail, " ")
	if strings.Contains(tail, "(errno ") {
		result = "?" // a number that no error has
	}
	return bytes.TrimSuffix(bytes.TrimRight(rest[:at], " "), []byte(")")), result, took
}

func parseTime(word []byte) (time.Time, error) {
	seconds, micros, _ := strings.Cut(string(word), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt(micros, 10, 64)
	return time.Unix(s, us*1000), err
}

// arguments splits what stands between the parentheses at its commas.
func arguments(args []byte) [][]byte {
	var list [][]byte
	depth, from, quoted := 0, 0, false
	for i := 0; i < len(args); i++ {
		switch b := args[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '[' || b == '{' || b == '(':
			depth++
		case b == ']' || b == '}' || b == ')':
			depth--
		case b == ',' && depth == 0:
			list = append(list, bytes.TrimSpace(args[from:i]))
			from = i + 1
		}
	}
	return append(list, bytes.TrimSpace(args[from:]))
}

// text reads a quoted string: C's escapes, with octal numbers.
func text(quoted []byte) ([]byte, error) {
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return nil, fmt.Errorf("%.40q is no whole string", quoted)
	}
	quoted = quoted[1 : len(quoted)-1]
	out := make([]byte, 0, len(quoted)/2)
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			out = append(out, quoted[i])
			continue
		}
		i++
		if i == len(quoted) {
			return nil, errors.New("a string ends in an escape")
		}
		b := quoted[i]
		if b < '0' || b > '7' {
			out = append(out, unescape(b))
			continue
		}
		value := 0
		last := i
		for ; last < len(quoted) && last < i+3 && quoted[last] >= '0' && quoted[last] <= '7'; last++ {
			value = value<<3 | int(quoted[last]-'0')
		}
		out = append(out, byte(value))
		i = last - 1
	}
	return out, nil
}

func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'v':
		return '\v'
	case 'f':
		return '\f'
	}
	return b // a quote or a backslash
}

// within returns the path from the folder; false: it is elsewhere.
func (p *parser) within(path string) (string, bool) {
	path, ok := strings.CutPrefix(filepath.Clean(path), p.recording.folder)
	if !ok || path != "" && path[0] != '/' {
		return "", false
	}
	return strings.TrimPrefix(path, "/"), true
}
