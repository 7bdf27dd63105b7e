/* Normalisation with ReLU of rows of NUMBER, included once for each type of numbers: NAME(...) names its functions, READ
 * and WRITTEN turn a number into a float and back. What is computed is in training.h. No include guard, on purpose. */

static void NAME(moments)(const void *maps, const float *restrict pivot, size_t rows, size_t channels,
                          float *restrict sum, float *restrict square) {
    const NUMBER *restrict x = maps;
    for (size_t row = 0; row < rows; row++, x += channels)
        for (size_t c = 0; c < channels; c++) {
            float from_pivot = READ(x[c]) - pivot[c];
            sum[c] += from_pivot;
            square[c] += from_pivot * from_pivot;
        }
}

static void NAME(gradient_sums)(const void *maps, const void *gradients, const float *restrict pivot,
                                const float *restrict scale, const float *restrict shift, size_t rows,
                                size_t channels, float *restrict sum, float *restrict product) {
    const NUMBER *restrict x = maps, *restrict dy = gradients;
    for (size_t row = 0; row < rows; row++, x += channels, dy += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = READ(x[c]), g = value * scale[c] + shift[c] > 0 ? READ(dy[c]) : 0;
            sum[c] += g;
            product[c] += g * (value - pivot[c]);
        }
}

static void NAME(scale_relu)(const void *maps, const float *restrict scale, const float *restrict shift, size_t rows,
                             size_t channels, void *to) {
    const NUMBER *restrict x = maps;
    NUMBER *restrict y = to;
    for (size_t row = 0; row < rows; row++, x += channels, y += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = READ(x[c]) * scale[c] + shift[c];
            y[c] = WRITTEN(value > 0 ? value : 0);
        }
}

static void NAME(scale_relu_back)(const void *maps, const void *gradients, const float *restrict scale,
                                  const float *restrict shift, const float *restrict slope,
                                  const float *restrict offset, size_t rows, size_t channels, void *to) {
    const NUMBER *restrict x = maps, *restrict dy = gradients;
    NUMBER *restrict dx = to;
    for (size_t row = 0; row < rows; row++, x += channels, dy += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = READ(x[c]), g = value * scale[c] + shift[c] > 0 ? READ(dy[c]) : 0;
            dx[c] = WRITTEN(scale[c] * g + slope[c] * value + offset[c]);
        }
}

/* The same of gradients that lie in `to` already. */
static void NAME(scale_relu_back_in_place)(const void *maps, const float *restrict scale, const float *restrict shift,
                                           const float *restrict slope, const float *restrict offset, size_t rows,
                                           size_t channels, void *to) {
    const NUMBER *restrict x = maps;
    NUMBER *restrict dx = to;
    for (size_t row = 0; row < rows; row++, x += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = READ(x[c]), g = value * scale[c] + shift[c] > 0 ? READ(dx[c]) : 0;
            dx[c] = WRITTEN(scale[c] * g + slope[c] * value + offset[c]);
        }
}

static const Rows NAME(rows) = {
    sizeof(NUMBER), NAME(moments), NAME(gradient_sums), NAME(scale_relu), NAME(scale_relu_back),
    NAME(scale_relu_back_in_place),
};

#undef NUMBER
#undef NAME
#undef READ
#undef WRITTEN
