package fill

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestProto(t *testing.T) {
	n := 100000
	if v := os.Getenv("PROTO_N"); v != "" {
		fmt.Sscan(v, &n)
	}
	began := time.Now()
	_, err := Prepare(t.Context(), Place{Folder: os.Getenv("PROTO"), URL: os.Getenv("PROTO_URL")}, Sizes{Search: n}, func(f string, a ...any) { fmt.Printf("%v "+f+"\n", append([]any{time.Since(began)}, a...)...) })
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("done", time.Since(began))
}
