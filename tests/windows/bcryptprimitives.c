/* bcryptprimitives.dll for a wine that lacks it: the one function of it that Rust's standard library asks for. For tests alone: every
 * Windows since 8 brings the real one. It must not be linked into anything. */
#include <windows.h>

/* The same numbers by their older name. */
BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    while (length > 0) {
        ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!SystemFunction036(buffer, part)) {
            return FALSE;
        }
        buffer += part;
        length -= part;
    }
    return TRUE;
}
