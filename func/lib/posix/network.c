/* A function reaches no network. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <string.h>

int h_errno;

static int fail(int error) {
    errno = error;
    return -1;
}

int socket(int family, int type, int protocol) {
    (void)family, (void)type, (void)protocol;
    return fail(ENOSYS);
}
int socketpair(int family, int type, int protocol, int ends[2]) {
    (void)ends;
    return socket(family, type, protocol);
}
int connect(int socket, const struct sockaddr* address, socklen_t length) {
    (void)socket, (void)address, (void)length;
    return fail(ENOSYS);
}
int bind(int socket, const struct sockaddr* address, socklen_t length) { return connect(socket, address, length); }
int listen(int socket, int backlog) {
    (void)socket, (void)backlog;
    return fail(ENOSYS);
}
int getsockname(int socket, struct sockaddr* address, socklen_t* length) {
    (void)socket, (void)address, (void)length;
    return fail(ENOSYS);
}
int getpeername(int socket, struct sockaddr* address, socklen_t* length) {
    return getsockname(socket, address, length);
}
int setsockopt(int socket, int level, int option, const void* value, socklen_t length) {
    (void)socket, (void)level, (void)option, (void)value, (void)length;
    return fail(ENOSYS);
}
ssize_t sendto(int socket, const void* bytes, size_t size, int flags, const struct sockaddr* to, socklen_t length) {
    (void)bytes, (void)size, (void)flags;
    return connect(socket, to, length);
}
ssize_t recvfrom(int socket, void* bytes, size_t size, int flags, struct sockaddr* from, socklen_t* length) {
    (void)bytes, (void)size, (void)flags;
    return getsockname(socket, from, length);
}
ssize_t sendmsg(int socket, const struct msghdr* message, int flags) {
    (void)message;
    return listen(socket, flags);
}
ssize_t recvmsg(int socket, struct msghdr* message, int flags) { return sendmsg(socket, message, flags); }

/* An address that is written as a number needs nobody to be asked. */
static struct addrinfo* numeric(const char* name, const char* service, const struct addrinfo* hints) {
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    }* entry = calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    entry->address.sin_family = AF_INET;
    entry->address.sin_port = htons((uint16_t)(service != NULL ? atoi(service) : 0));
    entry->info.ai_family = AF_INET;
    entry->info.ai_socktype = hints != NULL ? hints->ai_socktype : 0;
    entry->info.ai_protocol = hints != NULL ? hints->ai_protocol : 0;
    entry->info.ai_addrlen = sizeof entry->address;
    entry->info.ai_addr = (struct sockaddr*)&entry->address;
    if (inet_pton(AF_INET, name, &entry->address.sin_addr) == 1) return &entry->info;
    free(entry);
    return NULL;
}

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
    *found = name == NULL ? NULL : numeric(name, service, hints);
    return *found == NULL ? EAI_NONAME : 0;
}
void freeaddrinfo(struct addrinfo* found) { free(found); }
int getnameinfo(const struct sockaddr* address, socklen_t length, char* name, socklen_t name_size, char* service,
                socklen_t service_size, int flags) {
    const struct sockaddr_in* internet = (const struct sockaddr_in*)address;
    if (address->sa_family != AF_INET || length < sizeof *internet) return EAI_FAMILY;
    if (flags & NI_NAMEREQD) return EAI_NONAME;
    if (name != NULL && inet_ntop(AF_INET, &internet->sin_addr, name, name_size) == NULL) return EAI_OVERFLOW;
    if (service != NULL) snprintf(service, service_size, "%d", ntohs(internet->sin_port));
    return 0;
}
const char* gai_strerror(int error) {
    return error == EAI_NONAME ? "Name is not known: a function reaches no network" : "A function reaches no network";
}

static void* notFound(void) {
    h_errno = HOST_NOT_FOUND;
    return NULL;
}
struct hostent* gethostbyname(const char* name) {
    (void)name;
    return notFound();
}
struct hostent* gethostbyaddr(const void* address, socklen_t length, int family) {
    (void)address, (void)length, (void)family;
    return notFound();
}
struct servent* getservbyname(const char* name, const char* protocol) {
    (void)name, (void)protocol;
    return notFound();
}
struct servent* getservbyport(int port, const char* protocol) {
    (void)port, (void)protocol;
    return notFound();
}
struct protoent* getprotobyname(const char* name) {
    (void)name;
    return notFound();
}
struct protoent* getprotobynumber(int number) {
    (void)number;
    return notFound();
}
const char* hstrerror(int error) {
    (void)error;
    return "Host is not known: a function reaches no network";
}
void herror(const char* text) { fprintf(stderr, "%s: %s\n", text, hstrerror(h_errno)); }
