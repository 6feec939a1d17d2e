package api

import (
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type block struct {
	ID, Name, Data string
	HasData        bool
}

func readBlocks(r io.Reader, limit int) ([]block, *frameReader, error) {
	frames := newFrameReader(r)
	if limit > 0 {
		frames.max = limit
	}
	var blocks []block
	for {
		f, err := frames.next()
		if err != nil {
			return blocks, frames, err
		}
		blocks = append(blocks, block{f.id, f.name, string(f.data), f.hasData})
	}
}

func TestFrames(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []block
	}{
		"empty":               {"", nil},
		"one":                 {"id: 7\nevent: message.created\ndata: {}\n\n", []block{{"7", "message.created", "{}", true}}},
		"CRLF":                {"id: 7\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []block{{"7", "", "a", true}, {"7", "", "b", true}}},
		"CR":                  {"id: 7\rdata: a\r\rdata: b\r\r", []block{{"7", "", "a", true}, {"7", "", "b", true}}},
		"mixed ends":          {"data: a\rdata: b\ndata: c\r\n\r\n", []block{{"", "", "a\nb\nc", true}}},
		"LF CR":               {"data: a\n\rdata: b\n\n", []block{{"", "", "a", true}, {"", "", "b", true}}},
		"several lines":       {"data: a\ndata:\ndata: c\n\n", []block{{"", "", "a\n\nc", true}}},
		"empty data":          {"data\n\n", []block{{"", "", "", true}}},
		"one space goes":      {"data:  a\n\ndata:b\n\n", []block{{"", "", " a", true}, {"", "", "b", true}}},
		"colons stay":         {"data: a: b\n\n", []block{{"", "", "a: b", true}}},
		"comments":            {": hello\n\n:\n\ndata: a\n: inside\ndata: b\n\n", []block{{"", "", "a\nb", true}}},
		"only an id":          {"id: 9\n\nid: 10\n\ndata: a\n\n", []block{{"9", "", "", false}, {"10", "", "", false}, {"10", "", "a", true}}},
		"id is kept":          {"id: 9\ndata: a\n\ndata: b\n\n", []block{{"9", "", "a", true}, {"9", "", "b", true}}},
		"id is emptied":       {"id: 9\ndata: a\n\nid\ndata: b\n\n", []block{{"9", "", "a", true}, {"", "", "b", true}}},
		"id with NUL":         {"id: 9\ndata: a\n\nid: 1\x000\ndata: b\n\n", []block{{"9", "", "a", true}, {"9", "", "b", true}}},
		"name without data":   {"event: x\n\ndata: a\n\n", []block{{"", "", "a", true}}},
		"unknown fields":      {"dat: x\nDATA: y\nother\ndata: a\n\n", []block{{"", "", "a", true}}},
		"byte order mark":     {"\uFEFFdata: a\n\n", []block{{"", "", "a", true}}},
		"mark on second line": {"data: a\n\uFEFFdata: b\n\n", []block{{"", "", "a", true}}},
		"cut short":           {"data: a\n\nid: 8\ndata: b\n", []block{{"", "", "a", true}}},
		"cut in a line":       {"data: a\n\ndata: b", []block{{"", "", "a", true}}},
		"empty lines":         {"\n\n\r\n\rdata: a\n\n\n\n", []block{{"", "", "a", true}}},
	} {
		t.Run(name, func(t *testing.T) {
			for way, r := range map[string]io.Reader{
				"whole":   strings.NewReader(c.stream),
				"by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
			} {
				got, _, err := readBlocks(r, 0)
				if err != io.EOF || !reflect.DeepEqual(got, c.want) {
					t.Errorf("%s: got %+v, %v; want %+v", way, got, err, c.want)
				}
			}
		})
	}
}

// A block is complete at its empty line, also where that ends with a CR and nothing comes after it.
func TestFrameDoesNotWaitForMore(t *testing.T) {
	for _, stream := range []string{"data: a\r\n\r\n", "data: a\r\r", "data: a\n\n"} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, stream) }()
		got := make(chan string, 1)
		go func() {
			f, _ := newFrameReader(r).next()
			got <- string(f.data)
		}()
		select {
		case data := <-got:
			if data != "a" {
				t.Errorf("%q: got %q", stream, data)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%q: still waiting", stream)
		}
		r.Close()
	}
}

func TestFrameBounds(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		err    error
	}{
		"a line within":       {"data: " + strings.Repeat("a", 80) + "\n\n", io.EOF},
		"a line too long":     {"data: " + strings.Repeat("a", 200) + "\n\n", errFrameTooLong},
		"a line without end":  {strings.Repeat("a", 1<<20), errFrameTooLong},
		"a comment too long":  {":" + strings.Repeat("a", 200) + "\n\n", errFrameTooLong},
		"too much data":       {strings.Repeat("data: aaaaaaaaa\n", 20) + "\n", errFrameTooLong},
		"data without length": {strings.Repeat("data\n", 1000) + "\n", errFrameTooLong},
		"many small frames":   {strings.Repeat("data: aaaaaaaaa\n\n", 100), io.EOF},
	} {
		for way, r := range map[string]io.Reader{
			"whole":   strings.NewReader(c.stream),
			"by byte": iotest.OneByteReader(strings.NewReader(c.stream)),
		} {
			if _, _, err := readBlocks(r, 100); !errors.Is(err, c.err) {
				t.Errorf("%s %s: %v, want %v", name, way, err, c.err)
			}
		}
	}
}

func TestFrameRetry(t *testing.T) {
	_, frames, _ := readBlocks(strings.NewReader("retry: 1500\nretry: x\nretry: -1\n\n"), 0)
	if frames.retry != 1500*time.Millisecond {
		t.Errorf("retry is %v", frames.retry)
	}
}

// FuzzFrames: however a stream is cut into reads it gives the same frames, and none is larger than allowed.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{"", "id: 7\nevent: x\ndata: {}\n\n", "data: a\r\rdata: b\r\n\r\n", ": c\n\nid\ndata\n\n",
		"\uFEFFdata: a\n\n", "retry: 10\nid: 1\x00\ndata: \xff\n\n", strings.Repeat("data: aaaaaaaaaaaaaaaa\n", 30)} {
		f.Add(seed, uint64(1))
	}
	f.Fuzz(func(t *testing.T, stream string, seed uint64) {
		const limit = 256
		want, _, wantErr := readBlocks(strings.NewReader(stream), limit)
		got, _, err := readBlocks(&choppy{stream, rand.New(rand.NewPCG(seed, 0))}, limit)
		if !reflect.DeepEqual(got, want) || err != wantErr {
			t.Errorf("got %+v, %v; want %+v, %v", got, err, want, wantErr)
		}
		for _, b := range want {
			if len(b.Data) > limit || strings.ContainsRune(b.Data, '\r') || strings.ContainsAny(b.ID+b.Name, "\r\n") {
				t.Errorf("a bad frame: %+v", b)
			}
		}
	})
}

// choppy reads a text in random pieces.
type choppy struct {
	text string
	rand *rand.Rand
}

func (c *choppy) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p, c.text[:1+c.rand.IntN(len(c.text))])
	c.text = c.text[n:]
	return n, nil
}
