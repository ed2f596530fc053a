// The two operations of IBasic that have byte arrays, for a client that measures: on the wire they are the same, but
// the arrays are in private members, so that the measuring program does not make JSON of them.
using System.ServiceModel;

namespace Benchmarks
{
    [MessageContract(WrapperName = "Bytes", WrapperNamespace = "urn:peers:basic")]
    public class BytesRequest
    {
        [MessageBodyMember(Name = "count", Namespace = "urn:peers:basic")] public int count;
    }

    [MessageContract(WrapperName = "BytesResponse", WrapperNamespace = "urn:peers:basic")]
    public class BytesReply
    {
        [MessageBodyMember(Name = "BytesResult", Namespace = "urn:peers:basic")] byte[] data;

        public int Length { get { return data.Length; } set { } }
    }

    [MessageContract(WrapperName = "Count", WrapperNamespace = "urn:peers:basic")]
    public class CountRequest
    {
        static byte[] last = new byte[0];

        [MessageBodyMember(Name = "data", Namespace = "urn:peers:basic")] byte[] data;

        public int Length
        {
            get { return data.Length; }
            set { if (last.Length != value) last = new byte[value]; data = last; }
        }
    }

    [MessageContract(WrapperName = "CountResponse", WrapperNamespace = "urn:peers:basic")]
    public class CountReply
    {
        [MessageBodyMember(Name = "CountResult", Namespace = "urn:peers:basic")] public int result;
    }

    [ServiceContract(Name = "IBasic", Namespace = "urn:peers:basic")]
    public interface IBulk
    {
        [OperationContract] BytesReply Bytes(BytesRequest request);
        [OperationContract] CountReply Count(CountRequest request);
    }
}
