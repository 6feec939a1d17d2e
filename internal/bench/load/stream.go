package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Frame is one server-sent event. Its parts are valid during the call that gets it.
type Frame struct {
	ID, Event, Data []byte
	Received        time.Time
}

// Stream is a connection over which a server sends events.
type Stream struct {
	conn    net.Conn
	on      func(Frame)
	in      []byte // read and not yet taken apart: whole or partial chunks
	text    []byte // the last line, as far as it has come
	left    int    // of the present chunk
	chunked bool
	frame   struct{ id, event, data []byte }
}

// OpenStream asks for a stream of events and returns when the server has begun to answer. What comes is given
// to on, which must be quick, while Read runs.
func OpenStream(address string, request []byte, on func(Frame)) (*Stream, error) {
	conn, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{net: conn, buf: make([]byte, 1<<10)}
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, closed(conn, err)
	}
	if _, err := conn.Write(request); err != nil {
		return nil, closed(conn, err)
	}
	h, err := c.head()
	if err != nil {
		return nil, closed(conn, err)
	}
	if h.status != 200 || !h.stream {
		return nil, closed(conn, fmt.Errorf("a stream was answered %d: %.200q", h.status, c.buf[c.from:c.n]))
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, closed(conn, err)
	}
	return &Stream{conn: conn, on: on, in: bytes.Clone(c.buf[c.from:c.n]), chunked: h.chunked}, nil
}

func closed(conn net.Conn, err error) error { return errors.Join(err, conn.Close()) }

// Read reads events until the server or ctx ends the stream, and closes it. It returns nil when ctx did.
func (s *Stream) Read(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.conn.Close() })()
	defer func() { _ = s.conn.Close() }()
	buf := make([]byte, 4<<10)
	arrived := s.in
	s.in = nil
	for {
		if err := s.take(arrived, time.Now()); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the server ended the stream")
			}
			return err
		}
		n, err := s.conn.Read(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		arrived = buf[:n]
		if n == len(buf) && len(buf) < 64<<10 {
			buf = make([]byte, 2*len(buf)) // a busy stream, read in larger pieces
		}
	}
}

// Close ends the stream; Read returns.
func (s *Stream) Close() error { return s.conn.Close() }

// take takes chunks apart.
func (s *Stream) take(arrived []byte, now time.Time) error {
	if !s.chunked {
		return s.lines(arrived, now)
	}
	if len(s.in) > 0 {
		arrived = append(s.in, arrived...)
		s.in = nil
	}
	for len(arrived) > 0 {
		if s.left > 2 {
			n := min(len(arrived), s.left-2)
			if err := s.lines(arrived[:n], now); err != nil {
				return err
			}
			arrived, s.left = arrived[n:], s.left-n
			continue
		}
		if s.left > 0 { // the line end after a chunk
			n := min(len(arrived), s.left)
			arrived, s.left = arrived[n:], s.left-n
			continue
		}
		line, rest, found := bytes.Cut(arrived, endOfLine)
		if !found {
			s.in = bytes.Clone(arrived)
			return nil
		}
		size, err := chunkSize(line)
		if err != nil {
			return err
		}
		if size == 0 {
			return io.EOF
		}
		arrived, s.left = rest, size+2
	}
	return nil
}

const maxLine = 8 << 20

func (s *Stream) lines(text []byte, now time.Time) error {
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			if s.text = append(s.text, text...); len(s.text) > maxLine {
				return errors.New("a line of the stream is too long")
			}
			return nil
		}
		line := text[:end]
		if len(s.text) > 0 {
			s.text = append(s.text, line...)
			line = s.text
		}
		s.line(bytes.TrimSuffix(line, []byte("\r")), now)
		s.text = s.text[:0]
		text = text[end+1:]
	}
}

func (s *Stream) line(line []byte, now time.Time) {
	if len(line) == 0 {
		if len(s.frame.data) > 0 {
			s.on(Frame{ID: s.frame.id, Event: s.frame.event, Data: s.frame.data, Received: now})
		}
		s.frame.event, s.frame.data = s.frame.event[:0], s.frame.data[:0]
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if len(s.frame.data) > 0 {
			s.frame.data = append(s.frame.data, '\n')
		}
		s.frame.data = append(s.frame.data, value...)
	case "event":
		s.frame.event = append(s.frame.event[:0], value...)
	case "id":
		s.frame.id = append(s.frame.id[:0], value...)
	}
}
