.section .note.GNU-stack,"",%progbits
.data
.globl beside
.balign 8
beside: .quad free + 466640
