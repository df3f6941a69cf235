package secret

import "golang.org/x/sys/unix"

// lockedPages maps fresh pages outside the Go heap, so that no copy is made
// by the garbage collector. Where the kernel refuses to lock them
// (RLIMIT_MEMLOCK) the pages still serve; "confine status" says so.
func lockedPages(n int) []byte {
	size := unix.Getpagesize()
	page, err := unix.Mmap(-1, 0, (n/size+1)*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return make([]byte, n)
	}
	_ = unix.Mlock(page)
	_ = unix.Madvise(page, unix.MADV_DONTDUMP)
	return page
}

// release gives pages back. A heap slice (see lockedPages) is not a mapping;
// Munmap then says EINVAL and the collector frees it.
func release(page []byte) { _ = unix.Munmap(page) }
