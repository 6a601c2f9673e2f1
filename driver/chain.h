/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image chain */

#include <glib.h>

/* One more than this many layers is refused, as libvirt does. */
#define CHAIN_MAX_DEPTH 200

typedef enum {
    LAYER_FILE,
    LAYER_BLOCK,
    LAYER_NETWORK,
    LAYER_OTHER, /* listed, but no block call works on it */
} LayerKind;

/* One image of a chain. Sizes are what the peer said last, 0 before that. */
typedef struct {
    LayerKind kind;
    char *path;         /* absolute path, or URI of a network source */
    char *format;       /* "qcow2", "raw"; never guessed from content */
    guint index;        /* N of vda[N] and of the node names; unique in the domain */
    char *backing_name; /* as recorded in the image; NULL where none is */
    guint64 virtual_size;
    guint64 physical;  /* size of the file */
    guint64 allocated; /* bytes the file takes on disk */
    guint64 data;      /* guest bytes this layer holds itself */
} Layer;

/*
 * The layers of one disk, active first. A value: no I/O, no main loop. It is never changed in
 * place by a job; chain_without_between() and chain_with_active() make the chain after a finished
 * step.
 */
typedef struct {
    GPtrArray *layers; /* of Layer, owned */
} Chain;

Layer *layer_new(LayerKind kind, const char *path, const char *format, guint index);
Layer *layer_copy(const Layer *layer);
void layer_free(Layer *layer);

Chain *chain_new(void);
Chain *chain_copy(const Chain *chain);
void chain_free(Chain *chain);

guint chain_depth(const Chain *chain);
Layer *chain_layer(const Chain *chain, guint position); /* borrowed; 0 is the active layer */
Layer *chain_active(const Chain *chain);                /* borrowed; NULL where there is none */

/* Refuses a path that stands in the chain already (a loop) and a layer too many. Takes @layer. */
gboolean chain_append(Chain *chain, Layer *layer, GError **error);

/*
 * What @name means in the chain of the disk @target: "vda[N]" by index, an absolute path, the name
 * as recorded in the layer above, or a path relative to the directory of the layer above. "json:"
 * and "scheme:" names are compared as text alone. Sets *ret_position. The errors name @name and
 * @target in libvirt's words.
 */
gboolean chain_find(const Chain *chain,
                    const char *target,
                    const char *name,
                    guint *ret_position,
                    GError **error);

/* "vda[2]": FALSE where @name is not of that form; a name with a slash is a path. */
gboolean chain_parse_index(const char *name, char **ret_target, guint *ret_index);

/* Neither absolute nor with a scheme ("nbd:", "json:"), as QEMU tells them apart. */
gboolean chain_is_relative_name(const char *name);
/* @name as recorded in @overlay, made absolute by the directory of the overlay, as QEMU does. */
char *chain_resolve_backing_path(const Layer *overlay, const char *name);
/* What to record in the layer at @position so that it finds @base by relative names all the way;
 * NULL where one of the names between is not relative. */
char *chain_relative_name(const Chain *chain, guint position, guint base);

/*
 * The chain after all between @position and @base (or the bottom: G_MAXUINT) was merged up. Where
 * layers went, the one at @position records the path of @base, or nothing.
 */
Chain *chain_without_between(const Chain *chain, guint position, guint base);
/* The chain with a new active layer on top. Takes @layer. */
Chain *chain_with_active(const Chain *chain, Layer *layer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Chain, chain_free)
