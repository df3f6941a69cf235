package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// mirror serves one file over TLS, under any path.
type mirror struct {
	data []byte
	stop int           // after that many bytes of an answer; 0 never
	hang chan struct{} // what a stopped answer waits for; nil breaks the connection
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"one"`)
	if m.stop > 0 {
		w = &stopping{w, r, m, m.stop}
	}
	http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(m.data))
}

type stopping struct {
	http.ResponseWriter
	request *http.Request
	mirror  *mirror
	left    int
}

func (s *stopping) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p[:min(len(p), s.left)])
	if s.left -= n; s.left > 0 || err != nil {
		return n, err
	}
	_ = http.NewResponseController(s.ResponseWriter).Flush()
	if s.mirror.hang != nil {
		select {
		case <-s.mirror.hang:
		case <-s.request.Context().Done():
		}
	}
	panic(http.ErrAbortHandler)
}

// startMirror: mirror FILE [cut|hang N] serves FILE at $MIRROR, with mirror.pem
// for its authority, and stops each answer after N bytes.
func startMirror(ts *testscript.TestScript, _ bool, args []string) {
	m := &mirror{data: []byte(ts.ReadFile(args[0]))}
	if len(args) == 3 {
		var err error
		m.stop, err = strconv.Atoi(args[2])
		ts.Check(err)
		if args[1] == "hang" {
			m.hang = make(chan struct{})
		}
	}
	s := httptest.NewUnstartedServer(m)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	ts.Defer(func() {
		if m.hang != nil {
			close(m.hang)
		}
		s.Close()
	})
	ts.Setenv("MIRROR", s.URL)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("mirror.pem"), authority, 0o644))
}

// startProxy: proxy sets $HTTPS_PROXY to a proxy that leads every CONNECT to
// the mirror, whose certificate is for example.com too.
func startProxy(ts *testscript.TestScript, _ bool, _ []string) {
	target := ts.Getenv("MIRROR")[len("https://"):]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer server.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(server, client) }()
		_, _ = io.Copy(client, server)
	}))
	ts.Defer(s.Close)
	ts.Setenv("HTTPS_PROXY", s.URL)
}
