package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// writePair writes a self-signed certificate with this serial number.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := time.Unix(1e9+serial, 0)
	if err := os.Chtimes(certFile, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func TestCertificate(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	if _, err := Certificate(certFile, keyFile); err == nil {
		t.Error("a missing certificate was accepted")
	}
	writePair(t, certFile, keyFile, 1)
	settings, err := Certificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{TLS: settings}, http.NotFoundHandler())
	answer, _ := s.get(t, "/")
	if serial := answer.TLS.PeerCertificates[0].SerialNumber.Int64(); serial != 1 {
		t.Errorf("serial %d", serial)
	}
}

func TestRenewedCertificateIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
		writePair(t, certFile, keyFile, 1)
		settings, err := Certificate(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		serial := func() int64 {
			pair, err := settings.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.SerialNumber.Int64()
		}
		writePair(t, certFile, keyFile, 2)
		if got := serial(); got != 1 {
			t.Errorf("before the next look: %d", got)
		}
		time.Sleep(certificateCheck)
		if got := serial(); got != 2 {
			t.Errorf("after it: %d", got)
		}
		if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(certificateCheck)
		if got := serial(); got != 2 {
			t.Errorf("with a broken file: %d", got)
		}
	})
}
