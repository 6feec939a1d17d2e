package httpd

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// response notes what was answered.
type response struct {
	http.ResponseWriter
	exchange *exchange
	status   int // 0: nothing yet
	written  int64
	mute     bool // what the handler writes from here on is dropped
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what was written so far.
func (w *response) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// WriteHeader begins the answer. The words of the router and of the file server are replaced by a problem.
func (w *response) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if w.foreign(status) {
		writeForeign(w, w.exchange.request, status)
		w.mute = true
		return
	}
	if err := w.exchange.settle(status); err != nil {
		w.mute, w.status, w.exchange.err = true, Status(err), err
		WriteProblem(w.ResponseWriter, w.exchange.request, err)
		return
	}
	if status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// foreign reports whether this is http.ServeMux refusing a request that no pattern matches, or http.ServeContent
// refusing a range.
func (w *response) foreign(status int) bool {
	plain := w.Header().Get("Content-Type") == "text/plain; charset=utf-8"
	switch status {
	case http.StatusBadRequest:
		return w.exchange.request.RequestURI == "*"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return plain && w.exchange.request.Pattern == ""
	case http.StatusRequestedRangeNotSatisfiable:
		return plain
	}
	return false
}

func (w *response) Write(p []byte) (int, error) {
	if w.mute {
		return len(p), nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}

// body refuses what goes over the limit, and says in our words what went wrong while reading.
type body struct {
	io.ReadCloser
	exchange *exchange
	declared int64 // Content-Length, -1 where it was not sent
	limit    int64
	read     int64
	paced    bool  // there is more time the more of it comes
	granted  int64 // up to where there was more time
}

// Read returns an *parley.Error for anything but the end.
func (b *body) Read(p []byte) (int, error) {
	left := b.limit - b.read
	if b.declared > b.limit || left < 0 {
		return 0, b.tooLarge()
	}
	if int64(len(p)) > left+1 {
		p = p[:left+1] // one more, to see that there is more
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if b.paced && b.read-b.granted >= slowest {
		b.granted = b.read
		b.exchange.allow(b.exchange.start, b.read)
	}
	if int64(n) > left {
		return int(left), b.tooLarge()
	}
	if err != nil && err != io.EOF {
		err = &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the request body ended early or came too slowly", Err: err}
	}
	return n, err
}

func (b *body) tooLarge() error {
	e := parley.Invalid("body", "body-too-large", "at most %d bytes are allowed", b.limit)
	e.Kind = parley.KindTooLarge
	return e
}

// exchangeOf finds the exchange below whatever wraps its writer.
func exchangeOf(w http.ResponseWriter) (*exchange, bool) {
	for {
		switch v := w.(type) {
		case *response:
			return v.exchange, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return nil, false
		}
	}
}

// BeginStream turns the request into a stream: it counts against the streams allowed at once instead of
// the requests, and has no time limit; whoever writes it sets a write deadline of its own. The handler
// returns soon after stop is closed. The error, where too many are open, is to be answered.
func BeginStream(w http.ResponseWriter) (stop <-chan struct{}, err error) {
	x, ok := exchangeOf(w)
	if !ok {
		return nil, errors.New("httpd: not a request of this server")
	}
	if x.streaming() {
		return x.server.stopping, nil
	}
	if !x.server.streams.take() {
		return nil, parley.Unavailable("too-many-streams", "too many streams are open", nil)
	}
	if x.slot != nil {
		x.slot.give()
	}
	x.slot = &x.server.streams
	setDeadlines(x, time.Time{})
	return x.server.stopping, nil
}

// slowest is the pace in bytes a second that a caller must keep on a long body.
const slowest = 32 << 10

// AllowBody lets the request have a body of up to limit bytes, and the time to send it as long as it comes: a
// caller that trickles is cut off when others would be.
func AllowBody(w http.ResponseWriter, limit int64) {
	if x, ok := exchangeOf(w); ok {
		x.body.limit, x.body.paced = limit, true
	}
}

// AllowTime gives the request the time to move this many bytes more.
func AllowTime(w http.ResponseWriter, bytes int64) {
	if x, ok := exchangeOf(w); ok {
		x.allow(time.Now(), bytes)
	}
}

// allow gives the request the time to move so many bytes since a time.
func (x *exchange) allow(since time.Time, bytes int64) {
	setDeadlines(x, since.Add(x.server.options.Timeout+time.Duration(bytes/slowest)*time.Second))
}

// setDeadlines does nothing where there is no connection, in a handler called directly. The zero time is none.
func setDeadlines(x *exchange, at time.Time) {
	control := http.NewResponseController(x.response.ResponseWriter)
	_ = control.SetReadDeadline(at)
	if !at.IsZero() {
		at = at.Add(x.server.options.Timeout / answerShare)
	}
	_ = control.SetWriteDeadline(at)
}
