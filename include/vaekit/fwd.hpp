// SPDX-License-Identifier: MIT
// Names of the classes of vaekit.hpp, for headers that only mention them, without those that one kernel or
// layer is made of. Each is declared without its default arguments: those are in its own header, as are
// aliases (Matrix, Adam, ...), concepts and the two templates whose parameters are constrained, Sequential
// and Vae. One name a line.
#pragma once

#include <cstdint>

#include "vaekit/version.hpp"

// clang-format off
namespace vaekit::inline VAEKIT_ABI {

// core
template <class Tensor> struct BufferView;
enum class ExitCode : int;
class Error;
class UsageError;
class ConfigError;
class ShapeError;
class DataError;
class NumericError;
class IoError;
struct Range;
template <class Object, class Member> struct Field;
template <class Tuple> struct PartList;
template <class Parts> struct AnyPart;
template <class T, int Rows> class DenseMatrix;
class ThreadScope;
struct Chunk;
enum class Purpose : std::uint32_t;
class RandomStream;
class RandomSequence;
template <class T> struct Parameter;
enum class ScheduleKind;
struct Schedule;
struct Shape;

// kernels
struct AdamStep;
enum class Activation;
template <class T> struct Strided;
enum class Store;
enum class Sweep;
template <class T> class PackedMatrix;
struct NoEpilogue;
class LogSumExp;
struct AllLanes;
struct SomeLanes;
template <class T> struct ScalarBatch;

// nn
struct GatedDenseConfig;
template <class T> struct GatedDense;
template <Activation Kind> struct ActivationConfig;
template <class T, Activation Kind> struct ActivationLayer;
struct DenseConfig;
template <class T> struct Dense;
struct DropoutConfig;
template <class T> struct Dropout;
enum class Initializer;
struct LayerNormConfig;
template <class T> struct LayerNorm;
template <class T, class Layers> struct Network;

// distributions
struct BernoulliConfig;
template <class T> struct Bernoulli;
template <class Likelihoods> struct AnyOf;
template <class T> struct DiagonalGaussian;
struct StandardNormalConfig;
template <class T> struct StandardNormal;
struct Support;
enum class ParameterSource;
enum class VarianceSource;
template <class T> class Clamped;
template <class Density> struct Factorized;
struct GaussianConfig;
template <class T> struct Gaussian;
enum class CategoricalEncoding;
struct CategoricalConfig;
template <class T> struct Categorical;
template <class LikelihoodConfigs> struct ColumnGroup;
template <class LikelihoodConfigs> struct ColumnsConfig;
template <class Likelihoods> struct Columns;
struct ContinuousBernoulliConfig;
template <class T> struct ContinuousBernoulliDensity;
template <class T> struct ContinuousBernoulli;
struct DiscretizedLogisticConfig;
template <class T> struct DiscretizedLogisticDensity;
template <class T> struct DiscretizedLogistic;
struct DiscretizedLogisticMixtureConfig;
template <class T> struct DiscretizedLogisticMixture;
struct LaplaceConfig;
template <class T> struct LaplaceDensity;
template <class T> struct Laplace;
enum class LibrarySize;
template <class Density> struct LibrarySized;
struct NegativeBinomialConfig;
template <class T> struct NegativeBinomialDensity;
template <class T> struct NegativeBinomial;
struct PoissonConfig;
template <class T> struct PoissonDensity;
template <class T> struct Poisson;
struct StudentTConfig;
template <class T> struct StudentTDensity;
template <class T> struct StudentT;
struct PolarAngle;
class VonMisesFisherAngle;

// latent
struct LadderLevels;
template <class T> struct TopDownNetwork;
template <class T> struct MomentGradient;
template <class Latent, class Prior> struct KlPair;
template <class T> struct MixtureCache;
template <class T> struct MixtureView;
struct GaussianMixtureConfig;
template <class T> struct GaussianMixture;
enum class PseudoInputs;
struct VampPriorConfig;
template <class T> struct VampPrior;
template <class Latents> struct AnyLatentOf;
template <class Priors> struct AnyPriorOf;
struct FullGaussianConfig;
template <class T> struct FullGaussianLatent;
template <class... Steps> struct FlowChain;
struct PlanarFlowConfig;
template <class T> struct PlanarFlow;
struct RadialFlowConfig;
template <class T> struct RadialFlow;
struct HouseholderFlowConfig;
template <class T> struct HouseholderFlow;
struct SylvesterFlowConfig;
template <class T> struct SylvesterFlow;
struct AutoregressiveFlowConfig;
template <class T> struct AutoregressiveFlow;
struct CouplingFlowConfig;
template <class T> struct CouplingFlow;
struct FlowLatentConfig;
template <class T> struct FlowLatent;
struct FlowPriorConfig;
template <class T> struct FlowPrior;
struct LadderLatentConfig;
template <class T> struct LadderLatent;
struct LadderPriorConfig;
template <class T> struct LadderPrior;
struct ConcreteConfig;
template <class T> struct ConcreteLatent;
struct CategoricalPriorConfig;
template <class T> struct CategoricalPrior;
template <class T> struct NearestCode;
struct VectorQuantizedConfig;
template <class T> struct VectorQuantizedLatent;
struct CodePriorConfig;
template <class T> struct CodePrior;
struct JointConfig;
template <class T> struct JointLatent;
struct JointPriorConfig;
template <class T> struct JointPrior;
struct VonMisesFisherConfig;
template <class T> struct VonMisesFisherLatent;
struct UniformSphereConfig;
template <class T> struct UniformSphere;
struct PoincareConfig;
template <class T> struct PoincareLatent;
struct WrappedNormalConfig;
template <class T> struct WrappedNormal;
struct ConditionalGaussianConfig;
template <class T> struct ConditionalGaussian;
struct GaussianLatentConfig;
template <class T> struct GaussianLatent;

// objectives
template <class Objectives> struct AnyObjectiveOf;
struct CapacityConfig;
struct Capacity;
enum class IwaeGradient;
struct IwaeConfig;
struct Iwae;
struct MiwaeConfig;
struct Miwae;
struct CiwaeConfig;
struct Ciwae;
struct RenyiConfig;
struct Renyi;
enum class AggregateEstimator;
struct BetaTcvaeConfig;
struct BetaTcvae;
enum class DipVariant;
struct DipVaeConfig;
struct DipVae;
enum class MmdKernel;
struct KernelOfDistance;
struct InfoVaeConfig;
struct InfoVae;
struct WaeMmdConfig;
struct WaeMmd;
struct RaeConfig;
struct Rae;
template <class T> struct Critic;
struct FactorVaeConfig;
struct FactorVae;
struct ElboConfig;
struct Elbo;
template <class T> struct Terms;
struct ObjectiveValue;
struct TermNeeds;

// model
template <class Model> struct VaeWorkspace;
template <class Model> struct PseudoPass;
template <class T> struct SemiSupervisedPass;
template <class Model> struct SemiSupervisedWorkspace;
template <class Network> struct Classifier;
struct SummaryRow;
struct ModelSummary;

// optim
struct AdamConfig;
struct AdamWConfig;
template <class Model> struct AdamState;
template <class ConfigType> struct BasicAdam;
template <class Model> struct WeightAverage;
template <class Model> struct AnyOptimizerState;
struct AnyOptimizer;
template <class T> class TensorZip;
struct SgdConfig;
template <class Model> struct SgdState;
struct Sgd;

// data
class Condition;
class Batches;
struct Split;
enum class CsvHeader;
struct CsvConfig;
class Dataset;
struct Extent;
struct Factor;
struct Factors;
struct GeneratedRows;
struct IdxConfig;
struct NpyConfig;
enum class SyntheticSource;
struct SyntheticConfig;
enum class ScaleKind;
struct Scale;
enum class Binarize;
struct TransformConfig;
class Transform;

// evaluate
struct PrincipalComponents;
struct FittedFlowConfig;
template <class T> class FittedFlow;
struct FittedMixtureConfig;
class FittedMixture;
struct DataView;
struct CodeUsage;
class RunningMoments;
struct ElboEvaluation;
struct LatentStatistics;
enum class Verdict;
struct Finding;
template <class Model, class ObjectiveType> class ObjectiveProbe;
struct DirectionalError;
struct ObjectiveWeights;
struct FeatureSummary;
template <class T> struct ConstantOutput;
struct DeadUnits;
struct AggregateStatistics;
struct AggregateDiscrepancy;
template <class Model> class ImportanceSampler;
template <class Model> class LatentRepresentation;
struct MutualInformation;
struct AttributePredictability;
struct Dci;
struct FactorGroups;
struct FactorVaeScoreConfig;
struct BetaVaeScoreConfig;
struct Standardization;
struct LbfgsConfig;
class LinearProbe;
struct Neighbours;
struct SymmetricEigen;
struct FeatureMoments;
struct PrecisionRecall;
template <class Worker> class InputWorkers;
template <class Model> class LogJoint;
template <class T> class HamiltonianSampler;
class StepSize;
enum class AnnealingStart;
template <class Model> class AnnealedTarget;
enum class AnnealingSchedule;
struct AnnealingOptions;
struct AnnealedLogLikelihood;
template <class Model> class AnnealedImportanceSampler;
struct AnnealedBounds;

// compress
struct CodeInterval;
class AnsStack;
struct QuantizedBernoulli;
class QuantizedLogistic;
class NormalBuckets;
class QuantizedGaussian;
struct QuantizedPrior;
class BitsBackGroups;
template <class Model> class BitsBack;

// train
struct EpochSums;
struct Progress;
struct TrainingConfig;
template <class Model, class Optimizer> struct TrainingState;
struct TrainingData;
struct EpochMetrics;
enum class Control;
enum class TrainingEnd;
template <class Model, class Optimizer, class ObjectiveType> class Trainer;
template <class Optimizer> struct RisingRate;
struct TrialConfig;
template <class Model> struct Trial;
struct StepSizes;
struct LearningRateRange;

}  // namespace vaekit::inline VAEKIT_ABI
