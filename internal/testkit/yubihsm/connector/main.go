// Command connector listens as yubihsm-connector does, with a simulated
// YubiHSM 2 behind it. It prints its address and runs until it is ended. The
// device is new each time it starts: set it up with yubihsm-shell.
//
// It is for tests. Whoever reaches the port reaches the device.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"byok/internal/testkit/yubihsm"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "the `ADDRESS` to listen on")
	old := flag.Bool("firmware-2.3", false, "be a device without RSA wrap keys")
	flag.Parse()
	if err := run(*address, *old); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "connector:", err)
		os.Exit(1)
	}
}

func run(address string, old bool) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	var options yubihsm.Options
	if old {
		options.Firmware = [3]byte{2, 3, 2}
	}
	if _, err := fmt.Println(listener.Addr()); err != nil {
		return err
	}
	server := http.Server{Handler: yubihsm.New(options), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}
