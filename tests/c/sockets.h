/* What the C tests ask of sockets, by the names of POSIX and on Windows. It must not do more than translate. */
#ifndef SOCKETS_H
#define SOCKETS_H

#ifdef _WIN32

#include <winsock2.h>
#include <ws2tcpip.h>

/* Handles of sockets are small numbers. The library has started Winsock. */
static inline int socket_open(void) { return (int)socket(AF_INET, SOCK_STREAM, 0); }
static inline int socket_unblock(int fd) {
    u_long on = 1;
    return ioctlsocket((SOCKET)fd, FIONBIO, &on);
}
static inline ptrdiff_t socket_send(int fd, const void *from, size_t len) { return send((SOCKET)fd, (const char *)from, (int)len, 0); }
static inline ptrdiff_t socket_recv(int fd, void *to, size_t cap) { return recv((SOCKET)fd, (char *)to, (int)cap, 0); }
static inline int socket_would_block(void) { return WSAGetLastError() == WSAEWOULDBLOCK; }
static inline int socket_close(int fd) { return closesocket((SOCKET)fd); }

#else

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int socket_open(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static inline int socket_unblock(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK); }
static inline ptrdiff_t socket_send(int fd, const void *from, size_t len) { return send(fd, from, len, MSG_NOSIGNAL); }
static inline ptrdiff_t socket_recv(int fd, void *to, size_t cap) { return recv(fd, to, cap, 0); }
static inline int socket_would_block(void) { return errno == EAGAIN; }
static inline int socket_close(int fd) { return close(fd); }

#endif

#endif
