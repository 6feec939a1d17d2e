// Package demo fills a new server, through its API, with something to try: users, a team, contacts, sandbox
// channels and a conversation of each kind; and describes it for people and scripts.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
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

	Other Other           `json:"otherOrganization"`
	Doors map[string]Door `json:"doors"` // by name
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

// Organization is what the organization of a demo is called.
const Organization = "Demo Clinic"

// Server is where a demo is made.
type Server struct {
	Folder  string
	URL     string       // that others reach it by
	Handler http.Handler // that answers its requests
	// NewKey gives a key with every scope, and makes an organization where there is none.
	NewKey func(context.Context) (string, error)
}

// Prepare makes sure that a server has the demo, and writes its description. What a described demo has is kept
// as it is; what a start made that was cut short is completed. A server with an organization that is not of a demo
// is refused.
func Prepare(ctx context.Context, s Server) (Description, error) {
	d, err := Read(s.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if d.Key != "" {
		works, err := s.knows(ctx, d.Key)
		if err != nil {
			return d, fmt.Errorf("trying the key of %s: %w", File, err)
		}
		if works {
			err = s.complete(ctx, &d)
			return d, err
		}
	}
	key, err := s.NewKey(ctx)
	if err != nil {
		return d, err
	}
	client, err := s.client(key)
	if err != nil {
		return d, err
	}
	d = Description{URL: s.URL, Key: key}
	if err := d.fill(ctx, client); err != nil {
		return d, fmt.Errorf("preparing the demo: %w", err)
	}
	err = s.complete(ctx, &d)
	return d, err
}

// complete describes how the server is reached now, and opens the doors that are not open yet.
func (s Server) complete(ctx context.Context, d *Description) error {
	d.URL = s.URL
	client, err := s.client(d.Key)
	if err != nil {
		return err
	}
	if err := d.fillOther(ctx, client, s.Handler); err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	if err := d.fillDoors(ctx, client); err != nil {
		return fmt.Errorf("preparing the demo: %w", err)
	}
	return d.write(s.Folder)
}

// client calls the server without the network, whose address may be one that this machine does not reach.
func (s Server) client(key string) (*api.Client, error) {
	return api.New(s.URL, key, api.WithHTTPClient(&http.Client{Transport: local{s.Handler}}))
}

// knows reports whether a key works.
func (s Server) knows(ctx context.Context, key string) (bool, error) {
	client, err := s.client(key)
	if err != nil {
		return false, err
	}
	_, err = client.GetOrganization(ctx)
	if refused, ok := errors.AsType[*api.Error](err); ok && refused.HTTPStatus == http.StatusUnauthorized {
		return false, nil
	}
	return err == nil, err
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
