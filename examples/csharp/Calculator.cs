// The contract of examples/calculator.py in C#.
//
// With Mono:  mcs -r:System.ServiceModel -r:System.Runtime.Serialization Calculator.cs Client.cs -out:client.exe
//             mcs -r:System.ServiceModel -r:System.Runtime.Serialization Calculator.cs Service.cs -out:service.exe
// With .NET:  the client needs the package System.ServiceModel.NetTcp; the service CoreWCF.NetTcp.
using System.Runtime.Serialization;
using System.ServiceModel;

namespace Netshare.Examples
{
    [DataContract(Namespace = "urn:netshare:examples")]
    public class MathProblem
    {
        [DataMember] public string Operation;
        [DataMember] public string Reason;
    }

    [ServiceContract(Namespace = "urn:netshare:examples")]
    public interface ICalculator
    {
        [OperationContract] double Add(double a, double b);
        [OperationContract] [FaultContract(typeof(MathProblem))] double Divide(double a, double b);
        [OperationContract] int DivideWhole(int a, int b, out int remainder);
        [OperationContract] double Sum(double[] values);
    }
}
