// Package doctest runs the shell commands of a document and compares what they print with what the document
// says they print. It is for tests: an example that no longer works, or prints something else, fails one.
//
// A fenced block of the language sh is run; all blocks of a document run in one shell, in order. The block of
// json or text that follows it directly is what it prints. Words after the language say more:
//
//	sh              run, and wait until it ends
//	sh background   run beside what follows, until the end of the document
//	go hello.go     not run, but written to this file in the folder where the shell is
//
// Blocks of other languages (console, yaml, …) are for the reader only.
package doctest

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Example is a block to run.
type Example struct {
	Line       int // where its text begins, from 1
	Text       string
	Background bool
	File       string // where the text is written instead of run
	Output     string
	HasOutput  bool

	from, to int // lines of the output in the document, from 0, without the fences
}

// Document is a file with examples.
type Document struct {
	Path     string
	Examples []Example
	lines    []string
}

const fence = "```"

// Read reads a document's examples.
func Read(path string) (*Document, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &Document{Path: path, lines: strings.Split(string(content), "\n")}
	follows := false // the last block is an example that may have its output next
	for i := 0; i < len(d.lines); i++ {
		info, ok := strings.CutPrefix(d.lines[i], fence)
		if !ok {
			follows = follows && strings.TrimSpace(d.lines[i]) == ""
			continue
		}
		end := i + 1
		for end < len(d.lines) && d.lines[end] != fence {
			end++
		}
		if end == len(d.lines) {
			return nil, fmt.Errorf("%s:%d: the block has no end", path, i+1)
		}
		follows = d.block(strings.Fields(info), i+1, end, follows)
		i = end
	}
	return d, nil
}

// block takes a block of the document, whose text is lines[from:to], and says whether output may follow.
func (d *Document) block(info []string, from, to int, follows bool) bool {
	if len(info) == 0 {
		return false
	}
	text := strings.Join(d.lines[from:to], "\n")
	switch {
	case info[0] == "sh":
		d.Examples = append(d.Examples, Example{Line: from + 1, Text: text, Background: slices.Contains(info[1:], "background")})
		return true
	case info[0] == "go" && len(info) > 1:
		d.Examples = append(d.Examples, Example{Line: from + 1, Text: text + "\n", File: info[1]})
	case follows && (info[0] == "json" || info[0] == "text"):
		e := &d.Examples[len(d.Examples)-1]
		e.Output, e.HasOutput, e.from, e.to = text, true, from, to
	}
	return false
}

// Rewrite puts the outputs in the places of the examples' own, by their index, and writes the document.
func (d *Document) Rewrite(outputs map[int]string) error {
	var text bytes.Buffer
	at := 0
	copyTo := func(end int) {
		for ; at < end; at++ {
			text.WriteString(d.lines[at])
			if at < len(d.lines)-1 {
				text.WriteByte('\n')
			}
		}
	}
	for i, e := range d.Examples {
		output, ok := outputs[i]
		if !ok || !e.HasOutput {
			continue
		}
		copyTo(e.from)
		text.WriteString(output + "\n")
		at = e.to
	}
	copyTo(len(d.lines))
	return os.WriteFile(d.Path, text.Bytes(), 0o644)
}
