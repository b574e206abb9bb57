/* A function reaches no network: names are not found, and a connection is not made. */
#ifndef FAASM_POSIX_NETDB_H
#define FAASM_POSIX_NETDB_H

#include <netinet/in.h>
#include <sys/socket.h>

#define AI_PASSIVE 0x01
#define AI_CANONNAME 0x02
#define AI_NUMERICHOST 0x04
#define AI_V4MAPPED 0x08
#define AI_ALL 0x10
#define AI_ADDRCONFIG 0x20
#define AI_NUMERICSERV 0x400

#define NI_NUMERICHOST 0x01
#define NI_NUMERICSERV 0x02
#define NI_NOFQDN 0x04
#define NI_NAMEREQD 0x08
#define NI_DGRAM 0x10
#define NI_MAXHOST 255
#define NI_MAXSERV 32

#define EAI_BADFLAGS (-1)
#define EAI_NONAME (-2)
#define EAI_AGAIN (-3)
#define EAI_FAIL (-4)
#define EAI_FAMILY (-6)
#define EAI_SOCKTYPE (-7)
#define EAI_SERVICE (-8)
#define EAI_MEMORY (-10)
#define EAI_SYSTEM (-11)
#define EAI_OVERFLOW (-12)

#define HOST_NOT_FOUND 1
#define TRY_AGAIN 2
#define NO_RECOVERY 3
#define NO_DATA 4

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo {
    int ai_flags;
    int ai_family;
    int ai_socktype;
    int ai_protocol;
    socklen_t ai_addrlen;
    struct sockaddr* ai_addr;
    char* ai_canonname;
    struct addrinfo* ai_next;
};

struct hostent {
    char* h_name;
    char** h_aliases;
    int h_addrtype;
    int h_length;
    char** h_addr_list;
};
#define h_addr h_addr_list[0]

struct servent {
    char* s_name;
    char** s_aliases;
    int s_port;
    char* s_proto;
};

struct protoent {
    char* p_name;
    char** p_aliases;
    int p_proto;
};

extern int h_errno;

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** found);
void freeaddrinfo(struct addrinfo* found);
int getnameinfo(const struct sockaddr* address, socklen_t length, char* name, socklen_t name_size, char* service,
                socklen_t service_size, int flags);
const char* gai_strerror(int error);
struct hostent* gethostbyname(const char* name);
struct hostent* gethostbyaddr(const void* address, socklen_t length, int family);
struct servent* getservbyname(const char* name, const char* protocol);
struct servent* getservbyport(int port, const char* protocol);
struct protoent* getprotobyname(const char* name);
struct protoent* getprotobynumber(int number);
const char* hstrerror(int error);
void herror(const char* text);

#ifdef __cplusplus
}
#endif

#endif
