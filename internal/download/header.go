package download

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// byteRange is a Content-Range (RFC 9110, section 14.4): both ends included.
type byteRange struct{ first, last, size int64 }

func (r byteRange) length() int64 { return r.last - r.first + 1 }

func parseRange(text string) (r byteRange, ok bool) {
	const format = "bytes %d-%d/%d"
	_, err := fmt.Sscanf(text, format, &r.first, &r.last, &r.size)
	ok = err == nil && 0 <= r.first && r.first <= r.last && r.last < r.size
	return r, ok && fmt.Sprintf(format, r.first, r.last, r.size) == text // nothing behind, no other spelling
}

// validator is what If-Range may name (RFC 9110, section 13.1.5): a strong
// entity tag, or a date of last change before which the answer did not come
// within the same second. It is "" where there is neither.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	date, dateErr := http.ParseTime(h.Get("Date"))
	if err != nil || dateErr != nil || date.Sub(modified) < time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}

// retryAfter is the pause a server asks for in seconds; a date counts as none.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
