// Package demo fills a new server, through its API, with something to try: users, a team, contacts, sandbox
// channels and a conversation of each kind; and describes it for people and scripts.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley-server/parley/api"
)

// Entry names something of the demo.
type Entry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Description is the content of demo.json.
type Description struct {
	URL           string  `json:"url"`
	Key           string  `json:"key"`
	Organization  Entry   `json:"organization"`
	Users         []Entry `json:"users"`
	Teams         []Entry `json:"teams"`
	Contacts      []Entry `json:"contacts"` // those of the sandbox's default behaviour first
	Channels      []Entry `json:"channels"`
	Conversations []Entry `json:"conversations"` // one of each kind, named by it
}

// File is the name of the description in the data folder.
const File = "demo.json"

// Read reads the description of a data folder.
func Read(folder string) (d Description, err error) {
	content, err := os.ReadFile(filepath.Join(folder, File))
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return d, fmt.Errorf("%s: %w", filepath.Join(folder, File), err)
	}
	return d, nil
}

// Prepare makes sure that a server has the demo, and writes its description. What a described demo has is kept
// as it is. newKey gives a key with every scope, and an organization where there is none; it is called where no
// described key works.
func Prepare(ctx context.Context, folder, url string, newKey func(context.Context) (string, error)) (Description, error) {
	d, err := Read(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if d.Key != "" {
		client, err := api.New(url, d.Key)
		if err != nil {
			return d, err
		}
		if _, err := client.GetOrganization(ctx); err == nil {
			d.URL = url
			return d, d.write(folder)
		}
	}
	key, err := newKey(ctx)
	if err != nil {
		return d, err
	}
	client, err := api.New(url, key)
	if err != nil {
		return d, err
	}
	d = Description{URL: url, Key: key}
	if err := d.fill(ctx, client); err != nil {
		return d, fmt.Errorf("preparing the demo: %w", err)
	}
	return d, d.write(folder)
}

// write replaces the file at once: a reader finds the old one or the new one.
func (d Description) write(folder string) error {
	content, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, File+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(append(content, '\n'))
	if err == nil {
		err = temporary.Sync()
	}
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), filepath.Join(folder, File))
}
