package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// EventStream follows the event log live. It opens a new connection by itself where one is lost, and goes on
// after the last event it saw: no event is missed and none comes twice. One goroutine at a time may range
// over All; the other methods may be called at any time.
type EventStream struct {
	// Idle is how long a connection may be silent before it is taken for lost. The server sends something
	// at least every 15 s. One minute if zero.
	Idle time.Duration
	// OnReconnect, where set, is told why a connection was lost and how long until the next.
	OnReconnect func(err error, wait time.Duration)
	// OnHint, where set, is told the hints of a stream that asked for them. They have no sequence.
	OnHint func(hint Event)

	client  *Client
	ctx     context.Context // of the stream, as that of an http.Request
	filter  EventFilter
	started bool
	through atomic.Int64
	retry   time.Duration // the first wait, where the server says one
	failed  int           // connections lost in a row without anything in between
}

// StreamEvents returns a stream of the events that the filter names, whose Limit it ignores. Nothing is sent
// before its All is ranged over. The stream ends with the context.
func (c *Client) StreamEvents(ctx context.Context, filter EventFilter) *EventStream {
	filter.Limit = 0
	s := &EventStream{client: c, ctx: ctx, filter: filter}
	if n, err := strconv.ParseInt(string(filter.After), 10, 64); err == nil {
		s.through.Store(n)
	}
	return s
}

// Through is the sequence up to which the stream has considered the log, events that the filter leaves out or
// the key may not see included. A later stream goes on after it. It counts an event when All yields it.
func (s *EventStream) Through() int64 { return s.through.Load() }

// All yields the events in order, and at the end one error: the context's, or what the server refused for
// good, such as an *Error of status 410 with a Gap where the log no longer has what follows Through. Where the
// caller stops, the connection is closed, and another range goes on from there.
func (s *EventStream) All() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			stopped, err := s.connection(yield)
			if stopped {
				return
			}
			if s.ctx.Err() != nil {
				yield(Event{}, s.ctx.Err())
				return
			}
			if final(err) {
				yield(Event{}, err)
				return
			}
			wait := s.wait(err)
			if s.OnReconnect != nil {
				s.OnReconnect(err, wait)
			}
			if err := sleep(s.ctx, wait); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// final reports whether a new connection would fare no better.
func final(err error) bool {
	if refused, ok := errors.AsType[*Error](err); ok {
		switch refused.HTTPStatus {
		case http.StatusRequestTimeout, http.StatusTooManyRequests:
			return false
		}
		return refused.HTTPStatus < 500
	}
	return errors.Is(err, errAnswer) || errors.Is(err, errFrameTooLong)
}

func (s *EventStream) wait(err error) time.Duration {
	pace := s.client.retry
	if pace.Base <= 0 {
		pace = DefaultRetry()
	}
	if s.retry > 0 {
		pace.Base, pace.Cap = s.retry, max(s.retry, pace.Cap)
	}
	pace.Patience = 1<<63 - 1
	wait, _ := pace.wait(s.failed, err)
	s.failed++
	return wait
}

// connection opens one connection and yields its events until it ends; stopped: by the caller.
func (s *EventStream) connection(yield func(Event, error) bool) (stopped bool, err error) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	idle := s.Idle
	if idle <= 0 {
		idle = time.Minute
	}
	silence := time.AfterFunc(idle, func() { cancel(errSilence) })
	defer silence.Stop()

	r := request{method: http.MethodGet, path: "/v1/events", accept: "text/event-stream", raw: true}
	filter := s.filter
	if s.started {
		filter.After, r.lastEventID = "", strconv.FormatInt(s.Through(), 10)
	}
	r.query = queryOf(filter)
	if err := s.client.try(ctx, &r, nil); err != nil {
		return false, s.lost(ctx, err)
	}
	silence.Stop()
	defer r.response.Body.Close()
	if kind := r.response.Header.Get("Content-Type"); !isEventStream(kind) {
		return false, fmt.Errorf("parley: %w: its content type is %q", errAnswer, kind)
	}
	heard := readerFunc(func(p []byte) (int, error) {
		silence.Reset(idle) // only while waiting: a slow caller is not the server's silence
		defer silence.Stop()
		return r.response.Body.Read(p)
	})
	stopped, err = s.events(newFrameReader(heard), yield)
	return stopped, s.lost(ctx, err)
}

// errSilence is a connection that was quiet for too long.
var errSilence = errors.New("parley: the event stream fell silent")

// lost says why a connection ended.
func (s *EventStream) lost(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSilence) {
		return errSilence
	}
	return err
}

// events yields what the frames hold, and moves on with every frame, also with those that only have an id.
func (s *EventStream) events(frames *frameReader, yield func(Event, error) bool) (stopped bool, err error) {
	for {
		f, err := frames.next()
		s.retry = frames.retry
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("parley: the server ended the event stream")
			}
			return false, err
		}
		s.failed = 0
		event := Event{}
		if f.hasData {
			if err := json.Unmarshal(f.data, &event); err != nil {
				return false, fmt.Errorf("parley: %w: %w", errAnswer, err)
			}
		}
		if f.name == "hint" {
			if s.OnHint != nil {
				s.OnHint(event)
			}
			continue
		}
		sequence := event.Sequence
		if id, err := strconv.ParseInt(f.id, 10, 64); err == nil {
			sequence = max(sequence, id)
		}
		news := event.Sequence > s.Through()
		if sequence > s.Through() {
			s.through.Store(sequence)
		}
		s.started = s.started || sequence > 0 || f.id != ""
		if news && !yield(event, nil) {
			return true, nil
		}
	}
}

func isEventStream(contentType string) bool {
	const want = "text/event-stream"
	return len(contentType) >= len(want) && contentType[:len(want)] == want
}

// readerFunc is a reader made of a function.
type readerFunc func([]byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

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
