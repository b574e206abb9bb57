/* What the libc leaves out of its sys/socket.h. A function reaches no network, so none of it makes a socket. */
#include_next <sys/socket.h>

#ifndef FAASM_POSIX_SYS_SOCKET_H
#define FAASM_POSIX_SYS_SOCKET_H

#ifdef __cplusplus
extern "C" {
#endif

int socket(int family, int type, int protocol);
int socketpair(int family, int type, int protocol, int ends[2]);
int connect(int socket, const struct sockaddr* address, socklen_t length);
int bind(int socket, const struct sockaddr* address, socklen_t length);
int listen(int socket, int backlog);
int getsockname(int socket, struct sockaddr* address, socklen_t* length);
int getpeername(int socket, struct sockaddr* address, socklen_t* length);
int setsockopt(int socket, int level, int option, const void* value, socklen_t length);
ssize_t sendto(int socket, const void* bytes, size_t size, int flags, const struct sockaddr* to, socklen_t length);
ssize_t recvfrom(int socket, void* bytes, size_t size, int flags, struct sockaddr* from, socklen_t* length);
ssize_t sendmsg(int socket, const struct msghdr* message, int flags);
ssize_t recvmsg(int socket, struct msghdr* message, int flags);

#ifdef __cplusplus
}
#endif

#endif
