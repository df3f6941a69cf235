// func open() int
TEXT ·open(SB), 4, $0-8
	MOVQ $2, DI
	MOVQ $1, SI
	MOVQ $0, DX
	MOVL $41, AX
	SYSCALL
	MOVQ AX, ret+0(FP)
	RET
