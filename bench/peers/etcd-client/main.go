// Command etcd-client measures etcd through the official Go client and prints one JSON document.
//
//	etcd-client -endpoints http://127.0.0.1:2379 -clients 32 -total 10000 put
//	etcd-client -endpoints http://127.0.0.1:2379 -watchers 10 -total 10000 watch
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type result struct {
	Operation string  `json:"operation"`
	Total     int     `json:"total"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	P50Us     int64   `json:"p50Us"`
	P99Us     int64   `json:"p99Us"`
}

func main() {
	endpoints := flag.String("endpoints", "http://127.0.0.1:2379", "comma-separated")
	clients := flag.Int("clients", 32, "concurrent writers")
	watchers := flag.Int("watchers", 10, "watch streams")
	total := flag.Int("total", 10000, "puts")
	size := flag.Int("size", 256, "bytes of a value")
	prefix := flag.String("prefix", "/bench/", "of every key")
	flag.Parse()

	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*endpoints, ","), DialTimeout: 5 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	run := bench{client: client, clients: *clients, total: *total, value: strings.Repeat("x", *size), prefix: *prefix}

	var out result
	switch flag.Arg(0) {
	case "put":
		out = run.put()
	case "watch":
		out = run.watch(*watchers)
	default:
		log.Fatal("want put or watch")
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		log.Fatal(err)
	}
}

type bench struct {
	client         *clientv3.Client
	clients, total int
	value, prefix  string
}

func (b bench) put() result {
	latencies := make([]time.Duration, b.total)
	started := time.Now()
	b.putAll(func(index int, took time.Duration) { latencies[index] = took })
	return summarize("put", latencies, time.Since(started))
}

// putAll writes every key once, `clients` at a time.
func (b bench) putAll(done func(index int, took time.Duration)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range b.clients {
		group.Go(func() {
			for {
				index := int(next.Add(1)) - 1
				if index >= b.total {
					return
				}
				began := time.Now()
				key := fmt.Sprintf("%s%09d", b.prefix, index)
				if _, err := b.client.Put(context.Background(), key, b.value); err != nil {
					log.Fatal(err)
				}
				done(index, time.Since(began))
			}
		})
	}
	group.Wait()
}

// watch counts deliveries to all watchers; the latency is from before the put to the arrival.
func (b bench) watch(watchers int) result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	latencies := make([]time.Duration, b.total*watchers)
	var seen atomic.Int64
	var group sync.WaitGroup
	for range watchers {
		stream := b.client.Watch(clientv3.WithRequireLeader(ctx), b.prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		if created := <-stream; created.Err() != nil {
			log.Fatal(created.Err())
		}
		group.Go(func() {
			for left := b.total; left > 0; {
				response, open := <-stream
				if !open || response.Err() != nil {
					log.Fatal("watch ended: ", response.Err())
				}
				now := time.Now().UnixNano()
				for _, event := range response.Events {
					var sent int64
					fmt.Sscanf(string(event.Kv.Value), "%d", &sent)
					latencies[seen.Add(1)-1] = time.Duration(now - sent)
					left--
				}
			}
		})
	}
	started := time.Now()
	for index := range b.total {
		value := fmt.Sprintf("%d %s", time.Now().UnixNano(), b.value)
		if _, err := b.client.Put(ctx, fmt.Sprintf("%s%09d", b.prefix, index), value); err != nil {
			log.Fatal(err)
		}
	}
	group.Wait()
	return summarize("watch", latencies, time.Since(started))
}

func summarize(operation string, latencies []time.Duration, took time.Duration) result {
	slices.Sort(latencies)
	at := func(quantile float64) int64 {
		return latencies[int(float64(len(latencies)-1)*quantile)].Microseconds()
	}
	return result{
		Operation: operation,
		Total:     len(latencies),
		Seconds:   took.Seconds(),
		PerSecond: float64(len(latencies)) / took.Seconds(),
		P50Us:     at(0.5),
		P99Us:     at(0.99),
	}
}
