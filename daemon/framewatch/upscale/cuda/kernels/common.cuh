// What the kernels share. No header is included, because NVRTC must compile this where no CUDA toolkit is installed.
//
// Activations are float16 in planes of 8 channels: [8 planes][height + 2][pitch][8 channels], so that a pixel of a
// plane is 16 bytes. The frame begins at row 1, column LEFT. What lies around it is zero and is never written: it is the
// zero padding of every convolution.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define LEFT 8        // columns before the frame: one is needed, eight align rows to 128 bytes
#define PIXEL 16      // bytes of a pixel of a plane
#define PLANES 8      // planes of 8 channels

struct Picture {
    int width, height;  // pixels of the frame
    int pitch;          // pixels of a stored row
};

__device__ __forceinline__ u64 place(const Picture& picture, int plane, int y, int x) {  // bytes
    return ((u64)(plane * (picture.height + 2) + y + 1) * picture.pitch + x + LEFT) * PIXEL;
}

__device__ __forceinline__ u32 shared_address(const void* pointer) {
    return (u32)__cvta_generic_to_shared(pointer);
}

// Two floats as float16: `low` in the low half.
__device__ __forceinline__ u32 packed(float low, float high) {
    u32 both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

// PReLU of two float16 of one channel: max(v, 0) + slope * min(v, 0), one of which is always zero.
__device__ __forceinline__ u32 prelu(u32 values, u32 slopes) {
    u32 above, below, result;
    asm("max.f16x2 %0, %1, %2;" : "=r"(above) : "r"(values), "r"(0u));
    asm("min.f16x2 %0, %1, %2;" : "=r"(below) : "r"(values), "r"(0u));
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(below), "r"(slopes), "r"(above));
    return result;
}

// Stores four 8 x 8 blocks of float16, each transposed, one after another at `address`.
__device__ __forceinline__ void store_turned(u32 address, const u32 (&blocks)[4]) {
    int lane = threadIdx.x % 32;
#if __CUDA_ARCH__ >= 900
    asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};"
                 :: "r"(address + lane * 16), "r"(blocks[0]), "r"(blocks[1]), "r"(blocks[2]), "r"(blocks[3]) : "memory");
#else
    for (int i = 0; i < 4; i++) {
        u32 turned;
        asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(turned) : "r"(blocks[i]));
        asm volatile("st.shared.b32 [%0], %1;" :: "r"(address + i * 128 + lane * 4), "r"(turned) : "memory");
    }
#endif
}

// A warp's matrix product: 16 x 8 += (16 x 16) (16 x 8).
__device__ __forceinline__ void multiply_add(float (&sums)[4], const uint4& a, u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

__device__ __forceinline__ uint4 load_shared(u32 address) {
    uint4 value;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "r"(address) : "memory");
    return value;
}

// Writes 16 channels (two planes) of 16 pixels that are distributed over the lanes as the result of a matrix product is:
// a lane has channels lane / 4 and lane / 4 + 8, and of each block of 8 pixels the two from lane % 4 * 2 on. They are
// transposed through 512 bytes of the warp's own shared memory, so that each lane writes the 8 channels of one pixel of
// one plane.
__device__ __forceinline__ void write_pixels(
    u8* out, const Picture& picture, u32 staging, int plane, int y, int x, const u32 (&values)[4]
) {
    int lane = threadIdx.x % 32;
    store_turned(staging, values);
    __syncwarp();
    uint4 pixel = load_shared(staging + lane * 16);
    x += lane % 16;
    if (x < picture.width && y < picture.height) *(uint4*)(out + place(picture, plane + lane / 16, y, x)) = pixel;
}
