/* A libva driver in software, for tests on machines without a video card: ffmpeg's h264_vaapi, hwupload, hwdownload, scale_vaapi and
   deinterlace_vaapi run against it for real.

   Surfaces are NV12 in memory. H.264 is written as raw macroblocks (I_PCM) behind the headers that ffmpeg packs, so the pictures
   come out exactly as they went in; scaling takes the nearest pixel; deinterlacing copies. It decodes nothing and knows no other
   codec, which is what many real drivers say too.

   FAKE_VA_FAIL names the point where it fails: init, createconfig, createsurfaces, createcontext, begin, end, sync, map, hang,
   crash, green; behind a colon the number of encoded frames before that, e.g. `end:3`. FAKE_VA_VENDOR is what it calls itself. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_backend_vpp.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { HEADERS = 8, SIDE = 4096 };

typedef struct { int used, width, height, pitch; unsigned char *data; } Surface;
typedef struct { int used, type, borrowed; size_t size; unsigned char *data; VACodedBufferSegment segment; } Buffer;
typedef struct { int used; VAProfile profile; VAEntrypoint entrypoint; } Config;
typedef struct { int type; unsigned bits; unsigned char *data; } Header;
typedef struct {
    int used, columns, rows, slice_type, filter_control, filtering, count, pending_type;
    unsigned pending_bits;
    VASurfaceID target;
    VABufferID coded;
    VAEncSequenceParameterBufferH264 sequence;
    Header headers[HEADERS];
} Context;

static Surface surfaces[512];
static Buffer buffers[4096];
static Config configs[64];
static Context contexts[64];
static VAImage images[512];
static int image_used[512];
static long frames;

/* ---- faults ---- */

static int fails(const char *point)
{
    const char *wish = getenv("FAKE_VA_FAIL");
    size_t length = strlen(point);
    if (!wish || strncmp(wish, point, length) || (wish[length] && wish[length] != ':'))
        return 0;
    return frames >= (wish[length] ? atol(wish + length + 1) : 0);
}

#define FAIL(point) do { if (fails(point)) return VA_STATUS_ERROR_OPERATION_FAILED; } while (0)

#define FREE_ONE(name, array) \
    static int name(void) \
    { \
        for (int i = 1; i < LENGTH(array); i++) \
            if (!(array)[i].used) { memset(&(array)[i], 0, sizeof (array)[i]); (array)[i].used = 1; return i; } \
        return 0; \
    }

FREE_ONE(free_surface, surfaces)
FREE_ONE(free_buffer, buffers)
FREE_ONE(free_config, configs)
FREE_ONE(free_context, contexts)

static VAStatus fine(void) { return VA_STATUS_SUCCESS; }
static VAStatus refuse(void) { return VA_STATUS_ERROR_UNIMPLEMENTED; }

/* ---- what it can do ---- */

static const VAProfile profiles[] = { VAProfileNone, VAProfileH264ConstrainedBaseline, VAProfileH264Main, VAProfileH264High };

static VAStatus query_profiles(VADriverContextP c, VAProfile *list, int *count)
{
    (void)c;
    memcpy(list, profiles, sizeof profiles);
    *count = LENGTH(profiles);
    return VA_STATUS_SUCCESS;
}

static VAStatus query_entrypoints(VADriverContextP c, VAProfile profile, VAEntrypoint *list, int *count)
{
    (void)c;
    list[0] = profile == VAProfileNone ? VAEntrypointVideoProc : VAEntrypointEncSlice;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static unsigned attribute(VAConfigAttribType type)
{
    switch (type) {
    case VAConfigAttribRTFormat: return VA_RT_FORMAT_YUV420;
    case VAConfigAttribRateControl: return VA_RC_CQP | VA_RC_CBR | VA_RC_VBR;
    case VAConfigAttribEncPackedHeaders:
        return VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE |
               VA_ENC_PACKED_HEADER_MISC | VA_ENC_PACKED_HEADER_RAW_DATA;
    case VAConfigAttribEncMaxRefFrames: case VAConfigAttribEncMaxSlices: return 1;
    case VAConfigAttribMaxPictureWidth: case VAConfigAttribMaxPictureHeight: return SIDE;
    default: return VA_ATTRIB_NOT_SUPPORTED;
    }
}

static VAStatus get_attributes(VADriverContextP c, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list, int count)
{
    (void)c; (void)profile; (void)entrypoint;
    for (int i = 0; i < count; i++)
        list[i].value = attribute(list[i].type);
    return VA_STATUS_SUCCESS;
}

static VAStatus create_config(VADriverContextP c, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list, int count,
                              VAConfigID *id)
{
    (void)c; (void)list; (void)count;
    FAIL("createconfig");
    if (profile != VAProfileNone && entrypoint != VAEntrypointEncSlice)
        return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    *id = free_config();
    configs[*id].profile = profile;
    configs[*id].entrypoint = entrypoint;
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_config(VADriverContextP c, VAConfigID id) { (void)c; configs[id].used = 0; return VA_STATUS_SUCCESS; }

static VAStatus query_config(VADriverContextP c, VAConfigID id, VAProfile *profile, VAEntrypoint *entrypoint, VAConfigAttrib *list,
                             int *count)
{
    (void)c; (void)list;
    *profile = configs[id].profile;
    *entrypoint = configs[id].entrypoint;
    *count = 0;
    return VA_STATUS_SUCCESS;
}

/* ---- surfaces, images, buffers ---- */

static VAStatus create_surfaces2(VADriverContextP c, unsigned format, unsigned width, unsigned height, VASurfaceID *ids,
                                 unsigned count, VASurfaceAttrib *list, unsigned attributes)
{
    (void)c; (void)list; (void)attributes;
    FAIL("createsurfaces");
    if (format != VA_RT_FORMAT_YUV420)
        return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    for (unsigned i = 0; i < count; i++) {
        Surface *s = &surfaces[ids[i] = free_surface()];
        s->width = width;
        s->height = (height + 1) & ~1;
        s->pitch = (width + 63) & ~63;
        s->data = calloc(1, (size_t)s->pitch * (s->height + 16) * 3 / 2);
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus create_surfaces(VADriverContextP c, int width, int height, int format, int count, VASurfaceID *ids)
{
    return create_surfaces2(c, format, width, height, ids, count, 0, 0);
}

static VAStatus destroy_surfaces(VADriverContextP c, VASurfaceID *ids, int count)
{
    (void)c;
    for (int i = 0; i < count; i++) {
        free(surfaces[ids[i]].data);
        surfaces[ids[i]].used = 0;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus query_surface(VADriverContextP c, VAConfigID id, VASurfaceAttrib *list, unsigned *count)
{
    static const struct { VASurfaceAttribType type; int value; } facts[] = {
        { VASurfaceAttribPixelFormat, VA_FOURCC_NV12 }, { VASurfaceAttribMinWidth, 16 }, { VASurfaceAttribMinHeight, 16 },
        { VASurfaceAttribMaxWidth, SIDE }, { VASurfaceAttribMaxHeight, SIDE },
        { VASurfaceAttribMemoryType, VA_SURFACE_ATTRIB_MEM_TYPE_VA },
    };
    (void)c; (void)id;
    *count = LENGTH(facts);
    for (unsigned i = 0; list && i < *count; i++) {
        memset(&list[i], 0, sizeof list[i]);
        list[i].type = facts[i].type;
        list[i].flags = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE;
        list[i].value.type = VAGenericValueTypeInteger;
        list[i].value.value.i = facts[i].value;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus sync_surface(VADriverContextP c, VASurfaceID id) { (void)c; (void)id; FAIL("sync"); return VA_STATUS_SUCCESS; }

static VAStatus surface_status(VADriverContextP c, VASurfaceID id, VASurfaceStatus *status)
{
    (void)c; (void)id;
    *status = VASurfaceReady;
    return VA_STATUS_SUCCESS;
}

static VAStatus create_buffer(VADriverContextP c, VAContextID context, VABufferType type, unsigned size, unsigned count, void *data,
                              VABufferID *id)
{
    (void)c; (void)context;
    Buffer *b = &buffers[*id = free_buffer()];
    b->type = type;
    b->size = (size_t)size * count;
    b->data = calloc(1, b->size + 64);
    if (data)
        memcpy(b->data, data, b->size);
    return VA_STATUS_SUCCESS;
}

static VAStatus map_buffer(VADriverContextP c, VABufferID id, void **data)
{
    (void)c;
    *data = buffers[id].data;
    if (buffers[id].type == VAEncCodedBufferType) {
        FAIL("map");
        *data = &buffers[id].segment;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_buffer(VADriverContextP c, VABufferID id)
{
    (void)c;
    if (!buffers[id].borrowed)
        free(buffers[id].data);
    buffers[id].used = 0;
    return VA_STATUS_SUCCESS;
}

static const VAImageFormat nv12 = { .fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12 };

static VAStatus query_images(VADriverContextP c, VAImageFormat *list, int *count)
{
    (void)c;
    list[0] = nv12;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static VAStatus image_over(int width, int height, int pitch, unsigned char *data, VAImage *out)
{
    int id = 1;
    while (id < LENGTH(images) && image_used[id])
        id++;
    if (id == LENGTH(images))
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    VAImage *image = &images[id];
    memset(image, 0, sizeof *image);
    image_used[id] = 1;
    image->image_id = id;
    image->format = nv12;
    image->width = width;
    image->height = height;
    image->num_planes = 2;
    image->pitches[0] = image->pitches[1] = pitch;
    image->offsets[1] = pitch * height;
    image->data_size = pitch * height * 3 / 2;
    image->buf = free_buffer();
    buffers[image->buf].type = VAImageBufferType;
    buffers[image->buf].borrowed = !!data;
    buffers[image->buf].data = data ? data : calloc(1, image->data_size + 64);
    *out = *image;
    return VA_STATUS_SUCCESS;
}

static VAStatus create_image(VADriverContextP c, VAImageFormat *format, int width, int height, VAImage *out)
{
    (void)c; (void)format;
    return image_over(width, (height + 1) & ~1, (width + 63) & ~63, 0, out);
}

static VAStatus derive_image(VADriverContextP c, VASurfaceID id, VAImage *out)
{
    (void)c;
    return image_over(surfaces[id].width, surfaces[id].height, surfaces[id].pitch, surfaces[id].data, out);
}

static VAStatus destroy_image(VADriverContextP c, VAImageID id)
{
    destroy_buffer(c, images[id].buf);
    image_used[id] = 0;
    return VA_STATUS_SUCCESS;
}

static void copy_planes(unsigned char *to, int to_pitch, int to_height, const unsigned char *from, int pitch, int from_height,
                        int width, int height)
{
    for (int y = 0; y < height; y++)
        memcpy(to + y * to_pitch, from + y * pitch, width);
    for (int y = 0; y < height / 2; y++)
        memcpy(to + to_pitch * to_height + y * to_pitch, from + pitch * from_height + y * pitch, width);
}

static VAStatus get_image(VADriverContextP c, VASurfaceID surface, int x, int y, unsigned width, unsigned height, VAImageID id)
{
    (void)c; (void)x; (void)y;
    Surface *s = &surfaces[surface];
    copy_planes(buffers[images[id].buf].data, images[id].pitches[0], images[id].height, s->data, s->pitch, s->height, width, height);
    return VA_STATUS_SUCCESS;
}

static VAStatus put_image(VADriverContextP c, VASurfaceID surface, VAImageID id, int sx, int sy, unsigned sw, unsigned sh, int dx,
                          int dy, unsigned dw, unsigned dh)
{
    (void)c; (void)sx; (void)sy; (void)dx; (void)dy; (void)dw; (void)dh;
    Surface *s = &surfaces[surface];
    copy_planes(s->data, s->pitch, s->height, buffers[images[id].buf].data, images[id].pitches[0], images[id].height, sw, sh);
    return VA_STATUS_SUCCESS;
}

/* ---- bits ---- */

typedef struct { unsigned char *out; size_t length, room; unsigned held; int bits, zeros; } Writer;
typedef struct { const unsigned char *in; unsigned at, end; } Reader;

static void write_byte(Writer *w, unsigned char value)
{
    if (w->length + 2 >= w->room)
        return;
    if (w->zeros >= 2 && value <= 3) {  /* a start code may not appear in the middle */
        w->out[w->length++] = 3;
        w->zeros = 0;
    }
    w->out[w->length++] = value;
    w->zeros = value ? 0 : w->zeros + 1;
}

static void write_bits(Writer *w, int count, unsigned value)
{
    while (count--) {
        w->held = w->held << 1 | (value >> count & 1);
        if (++w->bits == 8) {
            write_byte(w, w->held);
            w->held = w->bits = 0;
        }
    }
}

static void write_ue(Writer *w, unsigned value)
{
    int zeros = 31 - __builtin_clz(value + 1);
    write_bits(w, zeros, 0);
    write_bits(w, zeros + 1, value + 1);
}

static unsigned read_bit(Reader *r)
{
    unsigned bit = r->at < r->end ? r->in[r->at / 8] >> (7 - r->at % 8) & 1 : 1;
    r->at++;
    return bit;
}

static unsigned read_bits(Reader *r, int count)
{
    unsigned value = 0;
    while (count--)
        value = value << 1 | read_bit(r);
    return value;
}

static unsigned read_ue(Reader *r)
{
    int zeros = 0;
    while (!read_bit(r))
        zeros++;
    return (1u << zeros) - 1 + read_bits(r, zeros);
}

/* ---- encoding ---- */

static VAStatus create_context(VADriverContextP c, VAConfigID config, int width, int height, int flags, VASurfaceID *list, int count,
                               VAContextID *id)
{
    (void)c; (void)config; (void)width; (void)height; (void)flags; (void)list; (void)count;
    FAIL("createcontext");
    *id = free_context();
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy_context(VADriverContextP c, VAContextID id) { (void)c; contexts[id].used = 0; return VA_STATUS_SUCCESS; }

static VAStatus begin_picture(VADriverContextP c, VAContextID id, VASurfaceID target)
{
    (void)c;
    FAIL("begin");
    contexts[id].target = target;
    contexts[id].count = contexts[id].filtering = 0;
    return VA_STATUS_SUCCESS;
}

static void filter_picture(Context *x, const VAProcPipelineParameterBuffer *wish)
{
    Surface *from = &surfaces[wish->surface], *to = &surfaces[x->target];
    VARectangle in = wish->surface_region ? *wish->surface_region : (VARectangle){ 0, 0, from->width, from->height };
    VARectangle out = wish->output_region ? *wish->output_region : (VARectangle){ 0, 0, to->width, to->height };
    unsigned char *chroma_in = from->data + from->pitch * from->height, *chroma_out = to->data + to->pitch * to->height;
    for (int y = 0; y < out.height; y++)
        for (int i = 0; i < out.width; i++)
            to->data[(y + out.y) * to->pitch + i + out.x] =
                from->data[(in.y + y * in.height / out.height) * from->pitch + in.x + i * in.width / out.width];
    for (int y = 0; y < out.height / 2; y++)
        for (int i = 0; i < out.width / 2; i++)
            memcpy(chroma_out + (y + out.y / 2) * to->pitch + 2 * (i + out.x / 2),
                   chroma_in + (in.y / 2 + y * in.height / out.height) * from->pitch + 2 * (in.x / 2 + i * in.width / out.width), 2);
    x->filtering = 1;
}

static VAStatus render_picture(VADriverContextP c, VAContextID id, VABufferID *list, int count)
{
    (void)c;
    Context *x = &contexts[id];
    for (int i = 0; i < count; i++) {
        Buffer *b = &buffers[list[i]];
        switch (b->type) {
        case VAEncSequenceParameterBufferType:
            x->sequence = *(VAEncSequenceParameterBufferH264 *)b->data;
            x->columns = x->sequence.picture_width_in_mbs;
            x->rows = x->sequence.picture_height_in_mbs;
            break;
        case VAEncPictureParameterBufferType: {
            VAEncPictureParameterBufferH264 *picture = (VAEncPictureParameterBufferH264 *)b->data;
            x->coded = picture->coded_buf;
            x->filter_control = picture->pic_fields.bits.deblocking_filter_control_present_flag;
            break;
        }
        case VAEncSliceParameterBufferType:
            x->slice_type = ((VAEncSliceParameterBufferH264 *)b->data)->slice_type % 5;
            break;
        case VAEncPackedHeaderParameterBufferType:
            x->pending_type = ((VAEncPackedHeaderParameterBuffer *)b->data)->type;
            x->pending_bits = ((VAEncPackedHeaderParameterBuffer *)b->data)->bit_length;
            break;
        case VAEncPackedHeaderDataBufferType:
            if (x->count < HEADERS) {
                Header *header = &x->headers[x->count++];
                *header = (Header){ x->pending_type, x->pending_bits, malloc(b->size) };
                memcpy(header->data, b->data, b->size);
            }
            break;
        case VAProcPipelineParameterBufferType:
            filter_picture(x, (VAProcPipelineParameterBuffer *)b->data);
            break;
        default:
            break;
        }
    }
    return VA_STATUS_SUCCESS;
}

/* Raw macroblocks are simplest in CAVLC, but ffmpeg asks for CABAC by default: the picture's parameters and the heads of slices are
   rewritten as if it had not. In the former it is the third bit, behind two identifiers that are 0. */
static void without_cabac(unsigned char *header, unsigned bytes)
{
    for (unsigned i = 3; i + 1 < bytes; i++)
        if (header[i - 3] == 0 && header[i - 2] == 0 && header[i - 1] == 1 && (header[i] & 31) == 8)
            header[i + 1] &= ~0x20;
}

/* Where CABAC's own field would stand in the head of a slice; the head's syntax is H.264, 7.3.3. */
static unsigned cabac_field(const Context *x, Reader *r)
{
    unsigned nal = read_bits(r, 8), inter = x->slice_type == 0;
    int idr = (nal & 31) == 5;
    read_ue(r);
    read_ue(r);
    read_ue(r);
    read_bits(r, x->sequence.seq_fields.bits.log2_max_frame_num_minus4 + 4);
    if (idr)
        read_ue(r);
    if (x->sequence.seq_fields.bits.pic_order_cnt_type == 0)
        read_bits(r, x->sequence.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4);
    if (inter && read_bit(r))
        read_ue(r);
    if (inter && read_bit(r))
        while (read_ue(r) != 3)
            read_ue(r);
    if (nal >> 5 & 3) {
        if (idr)
            read_bits(r, 2);
        else if (read_bit(r))
            for (unsigned operation; (operation = read_ue(r));)
                for (int values = operation == 3 ? 2 : operation == 5 ? 0 : 1; values--;)
                    read_ue(r);
    }
    return r->at;
}

static void write_macroblock(Writer *w, const Context *x, const Surface *s, int row, int column, int green)
{
    if (x->slice_type == 0) {  /* P: none is skipped, and the intra types come behind the five inter types */
        write_ue(w, 0);
        write_ue(w, 30);
    } else {
        write_ue(w, 25);
    }
    while (w->bits)
        write_bits(w, 1, 0);
    for (int y = 0; y < 16; y++)
        for (int i = 0; i < 16; i++) {
            int line = row * 16 + y < s->height ? row * 16 + y : s->height - 1;
            write_byte(w, green ? 0 : s->data[line * s->pitch + column * 16 + i]);
        }
    for (int plane = 0; plane < 2; plane++)
        for (int y = 0; y < 8; y++)
            for (int i = 0; i < 8; i++) {
                int line = row * 8 + y < s->height / 2 ? row * 8 + y : s->height / 2 - 1;
                write_byte(w, green ? 0 : s->data[s->pitch * s->height + line * s->pitch + 2 * (column * 8 + i) + plane]);
            }
}

static void write_slice(Writer *w, const Context *x, const Header *header)
{
    unsigned at = 0, bytes = header->bits / 8 + !!(header->bits % 8), length = 0;
    unsigned char *plain = malloc(bytes);
    while (header->data[at] != 1)
        w->out[w->length++] = header->data[at++];
    w->out[w->length++] = header->data[at++];
    w->zeros = 0;
    for (int zeros = 0; at < bytes; at++) {
        if (zeros >= 2 && header->data[at] == 3) {
            zeros = 0;
            continue;
        }
        zeros = header->data[at] ? 0 : zeros + 1;
        plain[length++] = header->data[at];
    }
    Reader reader = { plain, 0, length * 8 }, ahead = reader;
    unsigned field = cabac_field(x, &ahead);
    while (reader.at < field)
        write_bits(w, 1, read_bit(&reader));
    if (x->slice_type == 0)
        read_ue(&reader);
    ahead = reader;
    read_ue(&ahead);  /* the change of the quantiser */
    if (x->filter_control && read_ue(&ahead) != 1)
        for (int offset = 0; offset < 2; offset++)
            read_ue(&ahead);
    while (reader.at < ahead.at)  /* CABAC would fill up the byte here */
        write_bits(w, 1, read_bit(&reader));
    free(plain);
    for (int row = 0; row < x->rows; row++)
        for (int column = 0; column < x->columns; column++)
            write_macroblock(w, x, &surfaces[x->target], row, column, fails("green"));
    write_bits(w, 1, 1);
    while (w->bits)
        write_bits(w, 1, 0);
}

static VAStatus end_picture(VADriverContextP c, VAContextID id)
{
    (void)c;
    Context *x = &contexts[id];
    if (x->filtering)
        return VA_STATUS_SUCCESS;
    frames++;
    FAIL("end");
    while (fails("hang"))
        sleep(1);
    if (fails("crash"))
        abort();
    Buffer *coded = &buffers[x->coded];
    Writer w = { .out = coded->data, .room = coded->size };
    for (int i = 0; i < x->count; i++) {
        Header *header = &x->headers[i];
        if ((header->type & 0x7f) == VAEncPackedHeaderSlice) {
            write_slice(&w, x, header);
        } else {
            without_cabac(header->data, header->bits / 8);
            memcpy(w.out + w.length, header->data, header->bits / 8);
            w.length += header->bits / 8;
        }
        free(header->data);
    }
    x->count = 0;
    memset(&coded->segment, 0, sizeof coded->segment);
    coded->segment.size = w.length;
    coded->segment.buf = coded->data;
    return VA_STATUS_SUCCESS;
}

/* ---- filters ---- */

static VAStatus query_filters(VADriverContextP c, VAContextID id, VAProcFilterType *list, unsigned *count)
{
    (void)c; (void)id;
    list[0] = VAProcFilterDeinterlacing;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static VAStatus query_filter(VADriverContextP c, VAContextID id, VAProcFilterType type, void *facts, unsigned *count)
{
    (void)c; (void)id;
    if (type != VAProcFilterDeinterlacing) {
        *count = 0;
        return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
    }
    ((VAProcFilterCapDeinterlacing *)facts)[0].type = VAProcDeinterlacingBob;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static VAStatus query_pipeline(VADriverContextP c, VAContextID id, VABufferID *list, unsigned count, VAProcPipelineCaps *facts)
{
    (void)c; (void)id; (void)list; (void)count;
    memset(facts, 0, sizeof *facts);
    return VA_STATUS_SUCCESS;
}

/* libva refuses a driver that leaves one of these slots empty. */
__attribute__((visibility("default"))) VAStatus __vaDriverInit_1_0(VADriverContextP c)
{
    struct VADriverVTable *v = c->vtable;
    const char *vendor = getenv("FAKE_VA_VENDOR");
    c->version_major = 1;
    c->max_profiles = c->max_attributes = 32;
    c->max_entrypoints = c->max_image_formats = c->max_subpic_formats = c->max_display_attributes = 4;
    c->str_vendor = vendor ? vendor : "fake software test driver";
    if (fails("init"))
        return VA_STATUS_ERROR_UNKNOWN;
#define SLOT(name, function) v->va##name = (void *)function;
    SLOT(Terminate, fine) SLOT(QueryConfigProfiles, query_profiles) SLOT(QueryConfigEntrypoints, query_entrypoints)
    SLOT(QueryConfigAttributes, query_config) SLOT(CreateConfig, create_config) SLOT(DestroyConfig, destroy_config)
    SLOT(GetConfigAttributes, get_attributes) SLOT(CreateSurfaces, create_surfaces) SLOT(CreateSurfaces2, create_surfaces2)
    SLOT(DestroySurfaces, destroy_surfaces) SLOT(QuerySurfaceAttributes, query_surface) SLOT(CreateContext, create_context)
    SLOT(DestroyContext, destroy_context) SLOT(CreateBuffer, create_buffer) SLOT(BufferSetNumElements, fine)
    SLOT(MapBuffer, map_buffer) SLOT(UnmapBuffer, fine) SLOT(DestroyBuffer, destroy_buffer) SLOT(BeginPicture, begin_picture)
    SLOT(RenderPicture, render_picture) SLOT(EndPicture, end_picture) SLOT(SyncSurface, sync_surface)
    SLOT(QuerySurfaceStatus, surface_status) SLOT(QueryImageFormats, query_images) SLOT(CreateImage, create_image)
    SLOT(DeriveImage, derive_image) SLOT(DestroyImage, destroy_image) SLOT(GetImage, get_image) SLOT(PutImage, put_image)
    SLOT(SetImagePalette, refuse) SLOT(QuerySubpictureFormats, refuse) SLOT(CreateSubpicture, refuse)
    SLOT(DestroySubpicture, refuse) SLOT(SetSubpictureImage, refuse) SLOT(SetSubpictureChromakey, refuse)
    SLOT(SetSubpictureGlobalAlpha, refuse) SLOT(AssociateSubpicture, refuse) SLOT(DeassociateSubpicture, refuse)
    SLOT(QueryDisplayAttributes, refuse) SLOT(GetDisplayAttributes, refuse) SLOT(SetDisplayAttributes, refuse)
    SLOT(PutSurface, refuse)
    c->vtable_vpp->vaQueryVideoProcFilters = query_filters;
    c->vtable_vpp->vaQueryVideoProcFilterCaps = query_filter;
    c->vtable_vpp->vaQueryVideoProcPipelineCaps = query_pipeline;
    return VA_STATUS_SUCCESS;
}
