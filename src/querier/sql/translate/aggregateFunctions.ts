// Which functions sum up rows: tags in their arguments are those of each row, not of the group.

const names = new Set(
  (
    "count sum min max avg any anyLast anyHeavy any_value first_value last_value first_value_respect_nulls " +
    "last_value_respect_nulls argMin argMax avgWeighted corr corrMatrix corrStable covarPop covarPopMatrix covarPopStable " +
    "covarSamp covarSampMatrix covarSampStable stddevPop stddevPopStable stddevSamp stddevSampStable stddev_pop stddev_samp " +
    "std stddev varPop varPopStable varSamp varSampStable var_pop var_samp variance covar_pop covar_samp " +
    "uniq uniqExact uniqCombined uniqCombined64 uniqHLL12 uniqTheta uniqUpTo approx_top_count approx_top_k approx_top_sum " +
    "topK topKWeighted groupArray groupArrayInsertAt groupArrayIntersect groupArrayLast groupArrayMovingAvg " +
    "groupArrayMovingSum groupArraySample groupArraySorted groupUniqArray groupBitAnd groupBitOr groupBitXor groupBitmap " +
    "groupBitmapAnd groupBitmapOr groupBitmapXor groupConcat group_concat string_agg listagg array_agg array_concat_agg " +
    "median medianBFloat16 medianBFloat16Weighted medianDD medianDeterministic medianExact medianExactHigh medianExactLow " +
    "medianExactWeighted medianExactWeightedInterpolated medianGK medianInterpolatedWeighted medianTDigest " +
    "medianTDigestWeighted medianTiming medianTimingWeighted quantile quantileBFloat16 quantileBFloat16Weighted quantileDD " +
    "quantileDeterministic quantileExact quantileExactExclusive quantileExactHigh quantileExactInclusive quantileExactLow " +
    "quantileExactWeighted quantileExactWeightedInterpolated quantileGK quantileInterpolatedWeighted quantileTDigest " +
    "quantileTDigestWeighted quantileTiming quantileTimingWeighted quantiles quantilesBFloat16 quantilesBFloat16Weighted " +
    "quantilesDD quantilesDeterministic quantilesExact quantilesExactExclusive quantilesExactHigh quantilesExactInclusive " +
    "quantilesExactLow quantilesExactWeighted quantilesExactWeightedInterpolated quantilesGK quantilesInterpolatedWeighted " +
    "quantilesTDigest quantilesTDigestWeighted quantilesTiming quantilesTimingWeighted boundingRatio " +
    "categoricalInformationValue contingency cramersV cramersVBiasCorrected theilsU deltaSum deltaSumTimestamp " +
    "distinctDynamicTypes distinctJSONPaths distinctJSONPathsAndTypes entropy estimateCompressionRatio " +
    "exponentialMovingAverage exponentialTimeDecayedAvg exponentialTimeDecayedCount exponentialTimeDecayedMax " +
    "exponentialTimeDecayedSum exponentialTimeDecayedMaximum flameGraph histogram intervalLengthSum kolmogorovSmirnovTest kurtPop kurtSamp largestTriangleThreeBuckets lttb " +
    "mannWhitneyUTest maxIntersections maxIntersectionsPosition meanZTest maxMap minMap maxMappedArrays minMappedArrays " +
    "mergeStats nonNegativeDerivative rankCorr retention sequenceCount sequenceMatch sequenceMatchEvents sequenceNextNode " +
    "simpleLinearRegression singleValueOrNull skewPop skewSamp sparkbar stochasticLinearRegression " +
    "stochasticLogisticRegression studentTTest studentTTestOneSample sumCount sumKahan sumMap sumMapFiltered " +
    "sumMapFilteredWithOverflow sumMappedArrays sumMapWithOverflow sumWithOverflow timeSeriesGroupArray welchTTest " +
    "windowFunnel analysisOfVariance anova BIT_AND BIT_OR BIT_XOR groupNumericIndexedVector groupFormat nothing nothingUInt64 " +
    "nothingNull aggThrow any_respect_nulls anyLast_respect_nulls any_value_respect_nulls anyRespectNulls anyLastRespectNulls " +
    "anyValueRespectNulls firstValueRespectNulls lastValueRespectNulls argAndMin argAndMax max_by min_by MVTEncode ST_AsMVT " +
    "quantilePrometheusHistogram quantilesPrometheusHistogram timeSeriesLastTwoSamples timeSeriesResampleToGridWithStaleness " +
    "timeSeriesResetsToGrid timeSeriesPredictLinearToGrid timeSeriesDerivToGrid timeSeriesInstantDeltaToGrid " +
    "timeSeriesInstantRateToGrid timeSeriesIncreaseToGrid timeSeriesDeltaToGrid timeSeriesRateToGrid timeSeriesChangesToGrid " +
    "timeSeriesLastToGrid"
  )
    .split(/\s+/)
    .map((name) => name.toLowerCase()),
)

const combinators =
  /(?:if|array|map|state|merge|mergestate|foreach|distinct|ordefault|ornull|resample|simplestate|argmin|argmax|null)$/

export const isAggregate = (name: string): boolean => {
  let rest = name.toLowerCase()
  for (;;) {
    if (names.has(rest)) return true
    const shorter = rest.replace(combinators, "")
    if (shorter === rest || shorter === "") return false
    rest = shorter
  }
}
