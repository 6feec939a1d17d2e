package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// maxFrame bounds the bytes of a line and of the data of a frame.
const maxFrame = 8 << 20

// errFrameTooLong ends a stream whose line or frame is longer than maxFrame.
var errFrameTooLong = errors.New("parley: a frame of the event stream is too long")

// frame is one block of an event stream. Its data is valid until the next one is read.
type frame struct {
	id      string // of this block, or the last one before it that had one
	name    string
	data    []byte
	hasData bool // a block without data only moves the id
}

// frameReader reads an event stream as the HTML standard has it (9.2.6): lines end with CR, LF or CRLF; a
// block ends with an empty line; one that the stream's end cuts short is dropped.
type frameReader struct {
	r      *bufio.Reader
	max    int
	began  bool
	skipLF bool // the line before ended with CR: a LF that follows belongs to it
	line   []byte
	id     string
	retry  time.Duration // what the server asks to wait before a new connection; 0: it does not
	data   []byte
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, 16<<10), max: maxFrame}
}

// next returns the next block that has data or an id. The error is io.EOF at the end of the stream.
func (f *frameReader) next() (frame, error) {
	f.data = f.data[:0]
	var out frame
	moved := false
	for {
		line, err := f.readLine()
		if err != nil {
			return frame{}, err
		}
		if len(line) == 0 {
			if !out.hasData && !moved {
				out = frame{}
				continue
			}
			out.id, out.data = f.id, bytes.TrimSuffix(f.data, newline)
			return out, nil
		}
		name, value, _ := bytes.Cut(line, colon)
		value = bytes.TrimPrefix(value, space)
		switch string(name) { // a comment has an empty name
		case "data":
			if len(f.data)+len(value) >= f.max {
				return frame{}, errFrameTooLong
			}
			f.data = append(append(f.data, value...), '\n')
			out.hasData = true
		case "event":
			out.name = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				f.id, moved = string(value), true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				f.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

var (
	newline = []byte("\n")
	colon   = []byte(":")
	space   = []byte(" ")
	mark    = []byte("\uFEFF")
)

// readLine returns the next line without its end. It never waits for what follows a CR.
func (f *frameReader) readLine() ([]byte, error) {
	f.line = f.line[:0]
	for {
		if _, err := f.r.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := f.r.Peek(f.r.Buffered())
		if f.skipLF && chunk[0] == '\n' {
			_, _ = f.r.Discard(1)
			f.skipLF = false
			continue
		}
		f.skipLF = false
		end := bytes.IndexAny(chunk, "\r\n")
		part := chunk
		if end >= 0 {
			part = chunk[:end]
		}
		if len(f.line)+len(part) > f.max {
			return nil, errFrameTooLong
		}
		f.line = append(f.line, part...)
		if end < 0 {
			_, _ = f.r.Discard(len(part))
			continue
		}
		f.skipLF = chunk[end] == '\r'
		_, _ = f.r.Discard(end + 1)
		if !f.began {
			f.began = true
			return bytes.TrimPrefix(f.line, mark), nil
		}
		return f.line, nil
	}
}
