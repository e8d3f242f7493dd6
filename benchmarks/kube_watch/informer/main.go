// A client-go dynamic SharedIndexInformer that fills its cache from a watch, and what that took.
//
// Arguments: the address of the API server, how many objects come, and the file of its authority.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

var agents = schema.GroupVersionResource{Group: "bench.outrider.dev", Version: "v1", Resource: "agents"}

// used is read by benchmarks/kube_watch/runs.py.
type used struct {
	CPU       float64 `json:"cpu"`
	Wall      float64 `json:"wall"`
	BeforeKiB int     `json:"before_kib"`
	AfterKiB  int     `json:"after_kib"`
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	config := &rest.Config{Host: os.Args[1]}
	if len(os.Args) > 3 {
		config.TLSClientConfig.CAFile = os.Args[3]
	}
	client, err := dynamic.NewForConfig(config)
	check(err)
	informer := dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(agents).Informer()
	full := make(chan struct{})
	var added atomic.Int64
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) {
		if added.Add(1) == int64(count) {
			close(full)
		}
	}})
	check(err)

	before, beforeKiB, began := cpu(), rss(), time.Now()
	go informer.RunWithContext(context.Background())
	<-full
	found := used{cpu() - before, time.Since(began).Seconds(), beforeKiB, rss()}
	if stored := len(informer.GetStore().ListKeys()); stored != count {
		check(fmt.Errorf("%d objects in the store", stored))
	}
	check(json.NewEncoder(os.Stdout).Encode(found))
}

// cpu returns the seconds of all threads, user and system.
func cpu() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func rss() int {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(status)) {
		if size, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, err := strconv.Atoi(strings.Fields(size)[0])
			check(err)
			return kib
		}
	}
	return 0
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
