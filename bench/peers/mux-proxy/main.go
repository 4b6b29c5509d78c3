// Command mux-proxy is the usual Go gateway: gorilla/mux in front of httputil.ReverseProxy.
//
//	mux-proxy -listen 127.0.0.1:8080 -route /orders=http://127.0.0.1:9001 -route /=http://127.0.0.1:9002
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/gorilla/mux"
)

// routes collects repeated -route PREFIX=URL flags in the order given, which is the order matched.
type routes struct{ router *mux.Router }

func (r routes) String() string { return "" }

func (r routes) Set(text string) error {
	prefix, target, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("want PREFIX=URL, got %q", text)
	}
	backend, err := url.Parse(target)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(request *httputil.ProxyRequest) { request.SetURL(backend); request.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024},
	}
	r.router.PathPrefix(prefix).Handler(proxy)
	return nil
}

func main() {
	router := mux.NewRouter()
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	flag.Var(routes{router}, "route", "PREFIX=URL, may be repeated; the first that matches wins")
	flag.Parse()
	log.Fatal(http.ListenAndServe(*listen, router))
}
