package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// certify writes a certificate for this machine, signed by itself, and its key, and returns who trusts it.
func certify(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{certFile: certificate, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	return trusted
}

// The program serves HTTPS, to whom trusts its certificate: requests, live events, and nothing without TLS.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	data, certFile, keyFile := filepath.Join(folder, "data"), filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	trusted := certify(t, certFile, keyFile)
	made := start(t, "key", "init", "--data", data, "Hill Clinic")
	if err := made.end(t); err != nil {
		t.Fatal(err)
	}
	at := strings.Index(made.out.String(), "pk_")
	if at < 0 {
		t.Fatalf("no key in %q", made.out.String())
	}
	key := strings.Fields(strings.NewReplacer(`"`, " ", ",", " ").Replace(made.out.String()[at:]))[0]
	p := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--tls-cert", certFile, "--tls-key", keyFile)
	url := p.ready(t)
	if !strings.HasPrefix(url, "https://") {
		t.Fatalf("it serves at %s", url)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	c, err := api.New(url, key, api.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	organization, err := c.GetOrganization(t.Context())
	if err != nil || organization.Name != "Hill Clinic" {
		t.Errorf("%+v %v", organization, err)
	}
	followed(t, c)
	if answer, err := http.Get(url + "/healthz"); err == nil {
		answer.Body.Close()
		t.Error("a stranger trusts the certificate")
	}
	if answer, err := http.Get("http://" + strings.TrimPrefix(url, "https://") + "/v1/organization"); err == nil {
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: %d", answer.StatusCode)
		}
	}
	old, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		old.Close()
		t.Error("TLS 1.1 is served")
	}
	p.stop(t)
}

// followed makes something and sees the event of it on a stream.
func followed(t *testing.T, c *api.Client) {
	t.Helper()
	stream := c.StreamEvents(t.Context(), api.EventFilter{After: api.FromOldest, Types: []string{string(api.EventUserCreated)}})
	u, err := c.CreateUser(t.Context(), api.UserRequest{Name: "Ana"})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range stream.All() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Data.ID == u.ID {
			return
		}
	}
}
