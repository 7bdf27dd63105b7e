#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct sis_threads {
    pthread_mutex_t lock;
    pthread_cond_t called, finished;
    size_t count, busy;
    unsigned long call; /* number of the call that is being served */
    int stopping;
    sis_task task;
    void *user;
    size_t tasks;
    atomic_size_t next;
    pthread_t thread[];
};

static void serve(struct sis_threads *threads) {
    size_t index;
    while ((index = atomic_fetch_add(&threads->next, 1)) < threads->tasks) threads->task(threads->user, index);
}

static void *work(void *argument) {
    struct sis_threads *threads = argument;
    unsigned long seen = 0;
    pthread_mutex_lock(&threads->lock);
    for (;;) {
        while (threads->call == seen && !threads->stopping) pthread_cond_wait(&threads->called, &threads->lock);
        if (threads->stopping) break;
        seen = threads->call;
        pthread_mutex_unlock(&threads->lock);
        serve(threads);
        pthread_mutex_lock(&threads->lock);
        if (!--threads->busy) pthread_cond_signal(&threads->finished);
    }
    pthread_mutex_unlock(&threads->lock);
    return NULL;
}

struct sis_threads *sis_threads_start(size_t count) {
    if (count < 2) return NULL;
    struct sis_threads *threads = calloc(1, sizeof *threads + (count - 1) * sizeof(pthread_t));
    if (!threads) return NULL;
    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->called, NULL);
    pthread_cond_init(&threads->finished, NULL);
    for (threads->count = 1; threads->count < count; threads->count++)
        if (pthread_create(&threads->thread[threads->count - 1], NULL, work, threads)) break;
    if (threads->count > 1) return threads;
    sis_threads_stop(threads);
    return NULL;
}

void sis_threads_stop(struct sis_threads *threads) {
    if (!threads) return;
    pthread_mutex_lock(&threads->lock);
    threads->stopping = 1;
    pthread_cond_broadcast(&threads->called);
    pthread_mutex_unlock(&threads->lock);
    for (size_t i = 0; i + 1 < threads->count; i++) pthread_join(threads->thread[i], NULL);
    pthread_cond_destroy(&threads->finished);
    pthread_cond_destroy(&threads->called);
    pthread_mutex_destroy(&threads->lock);
    free(threads);
}

void sis_threads_run(void *pool, sis_task task, size_t count, void *user) {
    struct sis_threads *threads = pool;
    pthread_mutex_lock(&threads->lock);
    threads->task = task;
    threads->user = user;
    threads->tasks = count;
    atomic_store(&threads->next, 0);
    threads->busy = threads->count - 1;
    threads->call++;
    pthread_cond_broadcast(&threads->called);
    pthread_mutex_unlock(&threads->lock);
    serve(threads);
    pthread_mutex_lock(&threads->lock);
    while (threads->busy) pthread_cond_wait(&threads->finished, &threads->lock);
    pthread_mutex_unlock(&threads->lock);
}
