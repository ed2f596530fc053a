// What DataContractSerializer makes of types and values whose names and namespaces follow its rules: two lines for
// each value, declared as its own type and as object. The lines are in tests/vectors/datacontracts.xml.txt, made with
// Microsoft's serializer under Mono 6.8:  mcs -r:System.Runtime.Serialization,System.Xml DataContracts.cs
using System; using System.Collections.Generic; using System.IO; using System.Runtime.Serialization; using System.Xml;
[DataContract(Namespace="urn:t")] public class P { [DataMember] public int A; }
[DataContract(Namespace="urn:t")] public class Page<T> { [DataMember] public List<T> Items; }
[DataContract(Name="Two_{1}_{0}{#}",Namespace="urn:t")] public class Two<T,U> { [DataMember] public T X; [DataMember] public U Y; }
[DataContract(Namespace="urn:t")] public enum E { [EnumMember] Z }
public enum F { Q }
namespace My.Name { public class Poco { public int B; public string A; } [DataContract] public class Dc { [DataMember(Order=2)] public int B; [DataMember] public string Z; [DataMember(Order=1)] public string Y; [DataMember] public string a; [DataMember] public string Éa; } }
[CollectionDataContract(Namespace="urn:c", ItemName="It", KeyName="K", ValueName="V")] public class Dic : Dictionary<string, P> {}
[CollectionDataContract(Namespace="urn:c")] public class Li : List<P> {}
[CollectionDataContract(Name="Of{0}", Namespace="urn:c")] public class Gen<T> : List<T> {}
[DataContract(Namespace="urn:b")] public class Base { [DataMember] public int M; [DataMember] public P Pp; [DataMember] public List<P> Ls; }
[DataContract(Namespace="urn:d")] public class Derived : Base { [DataMember] public int A; [DataMember] public Base Inner; [DataMember] public object O; [DataMember] public int[] Is; }
public class Prog { static void W<T>(T v, params Type[] known) { 
  var s=new DataContractSerializer(typeof(T), "r","urn:r", known); var ms=new MemoryStream(); var w=XmlDictionaryWriter.CreateTextWriter(ms); s.WriteObject(w,v); w.Flush(); Console.WriteLine(System.Text.Encoding.UTF8.GetString(ms.ToArray())); 
  ms=new MemoryStream(); w=XmlDictionaryWriter.CreateTextWriter(ms); var o=new DataContractSerializer(typeof(object),"o","urn:r", new List<Type>(known){typeof(T)}); o.WriteObject(w,v); w.Flush(); Console.WriteLine(System.Text.Encoding.UTF8.GetString(ms.ToArray())); }
 static void Main() {
  W(new int?[]{1,null}); W(new List<E>{E.Z}); W(new List<E?>{E.Z,null}); W(new List<F>{F.Q}); W(new P[]{new P()}); W(new List<List<P>>{new List<P>{new P()}});
  W(new Page<int>{Items=new List<int>{1}}); W(new Page<P>{Items=null}); W(new Page<Page<P>>()); W(new Page<int?>()); W(new Page<P[]>()); W(new Page<int[]>()); W(new Two<int,string>()); W(new Two<P,E>());
  W(new My.Name.Poco()); W(new My.Name.Dc()); W(new Dic{{"a",new P()}}); W(new Li{new P()}); W(new Gen<int>{1}); W(new Gen<P>{new P()});
  W(new Dictionary<int,DateTime>{{1,DateTime.MinValue}}); W(new Dictionary<Guid,P[]>{{Guid.Empty,new P[]{new P()}}}); W(new Dictionary<string,int?>{{"a",null}}); W(new Dictionary<E,List<int>>{{E.Z,new List<int>{1}}}); W(new Dictionary<string,Dictionary<string,int>>{{"k",new Dictionary<string,int>{{"l",1}}}});
  W(new Derived{Pp=new P(),Ls=new List<P>{new P()},Inner=new Base(),O=new Derived(),Is=new int[]{1,2}}); W<Base>(new Derived{O=5L}, typeof(Derived)); W(new object[]{1,"a",2.5,1m,new P(),null,true,(byte)1,'c',TimeSpan.Zero,new Uri("http://a/"),Guid.Empty,new byte[]{1},1.5f}, typeof(P)); W(new DateTimeOffset[]{new DateTimeOffset(2020,1,1,0,0,0,TimeSpan.FromHours(2))}); W(new List<byte[]>{new byte[]{1}}); W(new List<char>{'a'}); W(new List<TimeSpan>{TimeSpan.Zero}); W(new List<Uri>{new Uri("http://a/")}); W(new List<object>{1}); W(new List<DateTimeOffset?>{null});
 }}
