// Go's crypto/tls as a peer of one process: a client of one connection, or a server of one connection after another.
//
// It tells what happens as lines of JSON on stdout, sends what comes on stdin, and ends with stdin.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const timeout = 10 * time.Second

var (
	port       = flag.Int("port", 0, "where to connect to; 0 to be a server")
	serverName = flag.String("server-name", "localhost", "the name to dial and verify")
	caFile     = flag.String("ca", "", "trusted authorities, PEM")
	certFile   = flag.String("cert", "", "own chain, PEM")
	keyFile    = flag.String("key", "", "its key, PEM")
	groups     = flag.String("groups", "", "code points, separated by commas")
	alpn       = flag.String("alpn", "", "names, separated by commas")
	clientAuth = flag.String("client-auth", "", "required or optional")
	sessionIn  = flag.String("session-in", "", "file of a session to resume")
	sessionOut = flag.String("session-out", "", "file for the session that comes")
	label      = flag.String("exporter-label", "", "label of the exporter")
	length     = flag.Int("exporter-length", 0, "bytes of it")
)

var tellLock sync.Mutex

// tell writes one event as a line.
func tell(event map[string]any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	tellLock.Lock()
	defer tellLock.Unlock()
	fmt.Println(string(line))
}

func config() (*tls.Config, error) {
	pem, err := os.ReadFile(*caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in " + *caFile)
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: *serverName,
		RootCAs:    pool,
		ClientCAs:  pool,
	}
	if *alpn != "" {
		c.NextProtos = strings.Split(*alpn, ",")
	}
	if *certFile != "" {
		certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	if *groups != "" {
		for _, text := range strings.Split(*groups, ",") {
			id, err := strconv.ParseUint(text, 0, 16)
			if err != nil {
				return nil, err
			}
			c.CurvePreferences = append(c.CurvePreferences, tls.CurveID(id))
		}
	}
	switch *clientAuth {
	case "required":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.ClientSessionCache = cache{}
	return c, nil
}

// cache keeps one session in files, so that another process can resume it.
type cache struct{}

type savedSession struct{ Ticket, State []byte }

func (cache) Get(string) (*tls.ClientSessionState, bool) {
	if *sessionIn == "" {
		return nil, false
	}
	text, err := os.ReadFile(*sessionIn)
	if err != nil {
		return nil, false
	}
	var saved savedSession
	if json.Unmarshal(text, &saved) != nil {
		return nil, false
	}
	state, err := tls.ParseSessionState(saved.State)
	if err != nil {
		return nil, false
	}
	session, err := tls.NewResumptionState(saved.Ticket, state)
	return session, err == nil
}

func (cache) Put(_ string, session *tls.ClientSessionState) {
	if session == nil || *sessionOut == "" {
		return
	}
	ticket, state, err := session.ResumptionState()
	if err != nil {
		return
	}
	bytes, err := state.Bytes()
	if err != nil {
		return
	}
	text, err := json.Marshal(savedSession{ticket, bytes})
	if err == nil && os.WriteFile(*sessionOut, text, 0o600) == nil {
		tell(map[string]any{"event": "session"})
	}
}

// serve runs one connection to its end, with the lines of stdin as what it sends.
func serve(connection *tls.Conn, lines <-chan string) {
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(timeout))
	if err := connection.Handshake(); err != nil {
		tell(map[string]any{"event": "failed", "message": err.Error()})
		return
	}
	state := connection.ConnectionState()
	material, err := state.ExportKeyingMaterial(*label, nil, *length)
	if err != nil {
		tell(map[string]any{"event": "failed", "message": err.Error()})
		return
	}
	peer := ""
	if len(state.PeerCertificates) > 0 {
		peer = state.PeerCertificates[0].Subject.CommonName
	}
	tell(map[string]any{
		"event":       "established",
		"protocol":    strings.Replace(tls.VersionName(state.Version), " ", "v", 1),
		"suite":       tls.CipherSuiteName(state.CipherSuite),
		"group":       state.CurveID,
		"alpn":        state.NegotiatedProtocol,
		"isReused":    state.DidResume,
		"keyMaterial": hex.EncodeToString(material),
		"peerName":    peer,
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 4096)
		for {
			n, err := connection.Read(buffer)
			if n > 0 {
				tell(map[string]any{"event": "data", "text": string(buffer[:n])})
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					tell(map[string]any{"event": "failed", "message": err.Error()})
				}
				return
			}
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			connection.Write([]byte(line + "\n"))
		case <-ended:
			return
		}
	}
}

func run() error {
	flag.Parse()
	c, err := config()
	if err != nil {
		return err
	}
	lines := make(chan string)
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		// Our input has ended, and so do we, wherever we are.
		close(lines)
		time.Sleep(time.Second)
		os.Exit(0)
	}()
	if *port != 0 {
		connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", *port), timeout)
		if err != nil {
			return err
		}
		serve(tls.Client(connection, c), lines)
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	tell(map[string]any{"event": "listening", "port": listener.Addr().(*net.TCPAddr).Port})
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		serve(tls.Server(connection, c), lines)
		tell(map[string]any{"event": "ended"})
	}
}

func main() {
	if err := run(); err != nil {
		tell(map[string]any{"event": "failed", "message": err.Error()})
		os.Exit(1)
	}
}
