package manifest_test

import (
	"context"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/source"
	"runtime"
	"testing"
)

func BenchmarkLoadBig(b *testing.B) {
	for b.Loop() {
		m := manifest.Load(context.Background(), source.Disk(), "/tmp/b10000", manifest.Options{})
		_ = m
	}
}
func BenchmarkLive(b *testing.B) {
	var a, c runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	m := manifest.Load(context.Background(), source.Disk(), "/tmp/b10000", manifest.Options{})
	runtime.GC()
	runtime.ReadMemStats(&c)
	b.Logf("live %d KB", (c.HeapAlloc-a.HeapAlloc)/1024)
	f := m.ResolveFiles(context.Background(), source.NewTree(source.Disk(), "/tmp/b10000"))
	runtime.GC()
	runtime.ReadMemStats(&c)
	b.Logf("live %d KB", (c.HeapAlloc-a.HeapAlloc)/1024)
	_ = f
	runtime.KeepAlive(m)
	runtime.KeepAlive(f)
}
