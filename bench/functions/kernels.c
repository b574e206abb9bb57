// Numeric kernels of the kinds that PolyBench/C has: the input names one, the output is how long it took, in
// nanoseconds, and a checksum. The same file is built for this machine as the baseline.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define N 320
#define STEPS 60

static double A[N][N], B[N][N], C[N][N], D[N][N], x[N], y[N], z[N], w[N];

static void fill(void) {
    for (int i = 0; i < N; i++) {
        x[i] = 1.0 + (double)(i % 7) / N;
        y[i] = (double)(i % 5) / N;
        z[i] = w[i] = 0;
        for (int j = 0; j < N; j++) {
            A[i][j] = (double)((i * j + 1) % N) / N;
            B[i][j] = (double)((i + j) % 13) / 13;
            C[i][j] = D[i][j] = 0;
        }
    }
}

// Symmetric and positive definite, for factorizations.
static void fill_definite(void) {
    fill();
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < i; j++) A[i][j] = A[j][i];
        A[i][i] += 2.0 * N;
    }
}

static void multiply(double to[N][N], double left[N][N], double right[N][N]) {
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            for (int j = 0; j < N; j++) to[i][j] += left[i][k] * right[k][j];
}

static void gemm(void) { multiply(C, A, B); }

static void two_mm(void) {
    multiply(C, A, B);
    multiply(D, C, A);
}

static void atax(void) {
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int j = 0; j < N; j++) sum += A[i][j] * x[j];
            for (int j = 0; j < N; j++) z[j] += A[i][j] * sum;
        }
}

static void bicg(void) {
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int j = 0; j < N; j++) {
                z[j] += x[i] * A[i][j];
                sum += A[i][j] * y[j];
            }
            w[i] += sum;
        }
}

static void mvt(void) {
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) z[i] += A[i][j] * x[j];
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) w[i] += A[j][i] * y[j];
    }
}

static void syrk(void) {
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            for (int j = 0; j <= i; j++) C[i][j] += A[i][k] * A[j][k];
}

static void cholesky(void) {
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++) A[i][j] -= A[i][k] * A[j][k];
            A[i][j] /= A[j][j];
        }
        for (int k = 0; k < i; k++) A[i][i] -= A[i][k] * A[i][k];
        A[i][i] = sqrt(A[i][i]);
    }
}

static void lu(void) {
    for (int k = 0; k < N; k++)
        for (int i = k + 1; i < N; i++) {
            A[i][k] /= A[k][k];
            for (int j = k + 1; j < N; j++) A[i][j] -= A[i][k] * A[k][j];
        }
}

static void trisolv(void) {
    for (int step = 0; step < STEPS * 4; step++)
        for (int i = 0; i < N; i++) {
            double sum = x[i];
            for (int j = 0; j < i; j++) sum -= A[i][j] * z[j];
            z[i] = sum / A[i][i];
        }
}

static void jacobi_2d(void) {
    for (int step = 0; step < STEPS; step++) {
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                B[i][j] = 0.2 * (A[i][j] + A[i][j - 1] + A[i][j + 1] + A[i - 1][j] + A[i + 1][j]);
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                A[i][j] = 0.2 * (B[i][j] + B[i][j - 1] + B[i][j + 1] + B[i - 1][j] + B[i + 1][j]);
    }
}

static void seidel_2d(void) {
    for (int step = 0; step < STEPS / 4; step++)
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                A[i][j] = (A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1] + A[i][j - 1] + A[i][j] + A[i][j + 1] +
                           A[i + 1][j - 1] + A[i + 1][j] + A[i + 1][j + 1]) / 9.0;
}

static void floyd_warshall(void) {
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double through = A[i][k] + A[k][j];
                if (through < A[i][j]) A[i][j] = through;
            }
}

static void covariance(void) {
    for (int j = 0; j < N; j++) {
        for (int i = 0; i < N; i++) z[j] += A[i][j];
        z[j] /= N;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) A[i][j] -= z[j];
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++)
            for (int j = i; j < N; j++) C[i][j] += A[k][i] * A[k][j] / (N - 1);
}

static const struct {
    const char* name;
    void (*run)(void);
    void (*prepare)(void);
} kernels[] = {
    {"gemm", gemm, fill},
    {"2mm", two_mm, fill},
    {"atax", atax, fill},
    {"bicg", bicg, fill},
    {"mvt", mvt, fill},
    {"syrk", syrk, fill},
    {"cholesky", cholesky, fill_definite},
    {"lu", lu, fill_definite},
    {"trisolv", trisolv, fill_definite},
    {"jacobi-2d", jacobi_2d, fill},
    {"seidel-2d", seidel_2d, fill},
    {"floyd-warshall", floyd_warshall, fill},
    {"covariance", covariance, fill},
};

static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(void) {
    char name[32] = {0};
    if (scanf("%31s", name) != 1) return 2;
    for (unsigned at = 0; at < sizeof kernels / sizeof *kernels; at++) {
        if (strcmp(name, kernels[at].name) != 0) continue;
        kernels[at].prepare();
        double start = nanoseconds();
        kernels[at].run();
        double took = nanoseconds() - start;
        double sum = 0;
        for (int i = 0; i < N; i++) {
            sum += z[i] + w[i];
            for (int j = 0; j < N; j++) sum += A[i][j] + B[i][j] + C[i][j] + D[i][j];
        }
        printf("%.0f %.10g\n", took, sum);
        return 0;
    }
    return 3;
}
