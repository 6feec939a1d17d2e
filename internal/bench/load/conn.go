package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Conn is one keep-alive connection that makes one request after another. It is for one goroutine.
type Conn struct {
	net  net.Conn
	buf  []byte // what was read of the present answer
	n    int
	from int // where in buf the body begins
}

const (
	firstBuffer = 4 << 10
	maxAnswer   = 64 << 20
	dialTimeout = 10 * time.Second
)

// Dial connects to an address. No request may go on beyond the deadline.
func Dial(address string, deadline time.Time) (*Conn, error) {
	c, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(deadline); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &Conn{net: c, buf: make([]byte, firstBuffer)}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.net.Close() }

// Answer is what a server answered. Its body is valid until the connection's next request.
type Answer struct {
	Status int
	Body   []byte
	Last   bool // the server closes the connection after it
}

// OK reports whether the request was accepted.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Do sends a whole request, head and body, and reads the answer.
func (c *Conn) Do(request []byte) (Answer, error) {
	if _, err := c.net.Write(request); err != nil {
		return Answer{}, err
	}
	c.n = 0
	h, err := c.head()
	if err != nil {
		return Answer{}, err
	}
	body, err := c.body(h)
	return Answer{Status: h.status, Body: body, Last: h.last}, err
}

// fill reads more of the answer.
func (c *Conn) fill() error {
	if c.n == len(c.buf) {
		if len(c.buf) >= maxAnswer {
			return errors.New("the answer is too long")
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.net.Read(c.buf[c.n:])
	c.n += n
	if n > 0 {
		return nil
	}
	return err
}

// head is what of an answer's header counts.
type head struct {
	status  int
	length  int // of the body, -1 where it is not said
	chunked bool
	last    bool
	stream  bool // of server-sent events
}

var endOfHead = []byte("\r\n\r\n")

func (c *Conn) head() (head, error) {
	for looked := 0; ; {
		if end := bytes.Index(c.buf[looked:c.n], endOfHead); end >= 0 {
			c.from = looked + end + len(endOfHead)
			return parseHead(c.buf[:c.from])
		}
		looked = max(c.n-len(endOfHead)+1, 0)
		if err := c.fill(); err != nil {
			return head{}, err
		}
	}
}

// parseHead reads a header that ends with an empty line.
func parseHead(text []byte) (head, error) {
	h := head{length: -1}
	line, rest, _ := bytes.Cut(text, endOfLine)
	if len(line) < len("HTTP/1.1 200") || string(line[:9]) != "HTTP/1.1 " {
		return h, fmt.Errorf("the answer begins with %.40q", line)
	}
	var err error
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil || h.status < 100 {
		return h, fmt.Errorf("the answer begins with %.40q", line)
	}
	for len(rest) > 0 {
		if line, rest, _ = bytes.Cut(rest, endOfLine); len(line) == 0 {
			break
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return h, fmt.Errorf("a header line is %.40q", line)
		}
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.Atoi(string(value)); err != nil || h.length < 0 || h.length > maxAnswer {
				return h, fmt.Errorf("the content length is %.40q", value)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			h.last = bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Content-Type")):
			h.stream = bytes.HasPrefix(value, []byte("text/event-stream"))
		}
	}
	return h, nil
}

var endOfLine = []byte("\r\n")

func (c *Conn) body(h head) ([]byte, error) {
	switch {
	case h.status < 200:
		return nil, errors.New("an answer that another is to follow, which nobody asked for")
	case h.status == 204 || h.status == 304:
		h.length = 0
	case h.chunked:
		return c.chunks()
	case h.length < 0:
		return nil, errors.New("the answer does not say how long it is")
	}
	end := c.from + h.length
	for c.n < end {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	if c.n > end {
		return nil, errors.New("there is more than the answer")
	}
	return c.buf[c.from:end], nil
}

// chunks joins the chunks of a body where they are.
func (c *Conn) chunks() ([]byte, error) {
	at, end := c.from, c.from
	for {
		line, next, err := c.line(at)
		if err != nil {
			return nil, err
		}
		size, err := chunkSize(line)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			return c.buf[c.from:end], c.trailer(next)
		}
		for c.n < next+size+2 {
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
		end += copy(c.buf[end:], c.buf[next:next+size])
		at = next + size + 2
	}
}

// line returns the line that begins at a place, and where the next one does.
func (c *Conn) line(at int) (line []byte, next int, err error) {
	for {
		if at <= c.n {
			if end := bytes.Index(c.buf[at:c.n], endOfLine); end >= 0 {
				return c.buf[at : at+end], at + end + 2, nil
			}
		}
		if err := c.fill(); err != nil {
			return nil, 0, err
		}
	}
}

func (c *Conn) trailer(at int) error {
	for {
		line, next, err := c.line(at)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		at = next
	}
}

// chunkSize reads the line before a chunk: hexadecimal digits, and extensions that nobody uses.
func chunkSize(line []byte) (int, error) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
	if err != nil || size > maxAnswer {
		return 0, fmt.Errorf("a chunk begins with %.40q", line)
	}
	return int(size), nil
}
