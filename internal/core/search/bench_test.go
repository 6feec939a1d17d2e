package search_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"testing"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/store"
)

func BenchmarkProto(b *testing.B) {
	folder := os.Getenv("PROTO")
	s, err := store.Open(b.Context(), store.Options{Folder: folder, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	text, _ := os.ReadFile(folder + "/bench.json")
	var p struct {
		Search struct {
			Key     string
			Words   [][]string
			Phrases []string
		}
	}
	json.Unmarshal(text, &p)
	who, err := access.NewAuthenticator(s, nil).Authenticate(b.Context(), p.Search.Key, "")
	if err != nil {
		b.Fatal(err)
	}
	searches := search.New(search.Options{Store: s})
	for name, words := range map[string][]string{"rare10": p.Search.Words[1], "rare100": p.Search.Words[2], "1000": p.Search.Words[3], "phrase": p.Search.Phrases} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				q := words[i%len(words)] + " "
				if name == "phrase" {
					q = `"` + words[i%len(words)] + `"`
				}
				if _, err := searches.Messages(b.Context(), who, q, search.MessageFilter{}, "", 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
